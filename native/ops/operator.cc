#include "operator.h"

#include <exception>
#include <mutex>

namespace taustat {
namespace {

/** False, and the status released, where an attribute or input is not there. */
bool isThere(ort::Status* status) {
  if (status == nullptr) return true;
  ort::api().ReleaseStatus(status);
  return false;
}

}  // namespace

int64_t Attributes::integer(const char* name, int64_t otherwise) const {
  int64_t value = 0;
  return isThere(ort::api().KernelInfoGetAttribute_int64(info_, name, &value)) ? value : otherwise;
}

float Attributes::number(const char* name, float otherwise) const {
  float value = 0;
  return isThere(ort::api().KernelInfoGetAttribute_float(info_, name, &value)) ? value : otherwise;
}

std::string Attributes::text(const char* name, const std::string& otherwise) const {
  size_t size = 0;
  if (!isThere(ort::api().KernelInfoGetAttribute_string(info_, name, nullptr, &size)) || size == 0) return otherwise;
  std::string value(size, '\0');
  ort::check(ort::api().KernelInfoGetAttribute_string(info_, name, value.data(), &size));
  value.resize(size - 1);  // Without the NUL.
  return value;
}

std::vector<int64_t> Attributes::integers(const char* name, const std::vector<int64_t>& otherwise) const {
  size_t size = 0;
  if (!isThere(ort::api().KernelInfoGetAttributeArray_int64(info_, name, nullptr, &size))) return otherwise;
  if (size != otherwise.size()) refuse(std::string(name) + " has " + std::to_string(size) + " entries, not " + std::to_string(otherwise.size()));
  std::vector<int64_t> value(size);
  ort::check(ort::api().KernelInfoGetAttributeArray_int64(info_, name, value.data(), &size));
  return value;
}

const ort::Value* Attributes::constant(size_t input) const {
  int isConstant = 0;
  const ort::Value* value = nullptr;
  if (!isThere(ort::api().KernelInfoGetConstantInput_tensor(info_, input, &isConstant, &value))) return nullptr;
  return isConstant != 0 ? value : nullptr;
}

void Attributes::refuse(const std::string& why) const { throw std::invalid_argument(why); }

const ort::Value* Run::input(size_t index) const {
  size_t count = 0;
  ort::check(ort::api().KernelContext_GetInputCount(context_, &count));
  if (index >= count) return nullptr;
  const ort::Value* value = nullptr;
  ort::check(ort::api().KernelContext_GetInput(context_, index, &value));
  return value;
}

void* Run::output(const std::vector<int64_t>& dims) const {
  ort::Value* value = nullptr;
  ort::check(ort::api().KernelContext_GetOutput(context_, 0, dims.data(), dims.size(), &value));
  return ort::mutableData(value);
}

void Run::parallel(int count, const std::function<void(int)>& task) const {
  if (count <= 1) {
    if (count == 1) task(0);
    return;
  }
  struct Shared {
    const std::function<void(int)>& task;
    std::mutex mutex;
    std::exception_ptr thrown;
  } shared{task, {}, nullptr};
  const auto body = [](void* at, size_t i) {
    auto& shared = *static_cast<Shared*>(at);
    try {
      shared.task(static_cast<int>(i));
    } catch (...) {
      const std::lock_guard<std::mutex> lock(shared.mutex);
      shared.thrown = std::current_exception();
    }
  };
  ort::check(ort::api().KernelContext_ParallelFor(context_, body, static_cast<size_t>(count), static_cast<size_t>(count), &shared));
  if (shared.thrown) std::rethrow_exception(shared.thrown);
}

}  // namespace taustat
