#include "session.h"

#include <map>
#include <mutex>

namespace taustat {
namespace {

std::mutex sessionsMutex;
std::map<uint64_t, std::pair<ort::RunOptions*, std::atomic<bool>*>> sessions;
uint64_t lastId = 0;

/** The environment of the process; ONNX Runtime has one, and counts who holds it. */
const ort::Env* environmentOfProcess() {
  static const ort::Env* environment = [] {
    ort::Env* made = nullptr;
    ort::check(ort::api().CreateEnv(3, kDomain, &made));
    return made;
  }();
  return environment;
}

}  // namespace

NativeSession::NativeSession(const Kernels* kernels, const void* model, size_t bytes, const std::string& path,
                             const SessionSettings& settings)
    : environment_{kernels, settings.intraOpThreads, &counts_}, operators_(&environment_) {
  const ort::Api& api = ort::api();
  ort::Owned<ort::SessionOptions> options(&ort::Api::ReleaseSessionOptions);
  ort::check(api.CreateSessionOptions(options.out()));
  // What goes wrong is thrown; nothing but a fatal error is logged as well.
  ort::check(api.SetSessionLogSeverityLevel(options.get(), 4));
  ort::check(api.SetIntraOpNumThreads(options.get(), settings.intraOpThreads));
  ort::check(api.SetInterOpNumThreads(options.get(), 1));
  ort::check(api.SetSessionGraphOptimizationLevel(options.get(), settings.optimization));
  for (const auto& [key, value] : settings.config) ort::check(api.AddSessionConfigEntry(options.get(), key.c_str(), value.c_str()));
  operators_.addTo(options.get());
  ort::check(api.CreateCpuMemoryInfo(1, 0, memory_.out()));
  ort::check(api.CreateRunOptions(runOptions_.out()));
  ort::check(api.RunOptionsSetRunLogSeverityLevel(runOptions_.get(), 4));
  if (model != nullptr)
    ort::check(api.CreateSessionFromArray(environmentOfProcess(), model, bytes, options.get(), session_.out()));
  else
    ort::check(api.CreateSession(environmentOfProcess(), path.c_str(), options.get(), session_.out()));
  readNames();
  const std::lock_guard<std::mutex> lock(sessionsMutex);
  id_ = ++lastId;
  sessions[id_] = {runOptions_.get(), &isTerminated_};
}

NativeSession::~NativeSession() {
  const std::lock_guard<std::mutex> lock(sessionsMutex);
  sessions.erase(id_);
}

void NativeSession::readNames() {
  const ort::Api& api = ort::api();
  ort::Allocator* allocator = nullptr;
  ort::check(api.GetAllocatorWithDefaultOptions(&allocator));
  const auto read = [&](auto countOf, auto nameOf, auto typeOf, const char* what, std::vector<std::string>& names) {
    size_t count = 0;
    ort::check(countOf(session_.get(), &count));
    for (size_t i = 0; i < count; i++) {
      char* name = nullptr;
      ort::check(nameOf(session_.get(), i, allocator, &name));
      names.emplace_back(name);
      ort::check(api.AllocatorFree(allocator, name));
      ort::Owned<ort::TypeInfo> type(&ort::Api::ReleaseTypeInfo);
      const ort::TensorInfo* tensor = nullptr;
      ort::check(typeOf(session_.get(), i, type.out()));
      ort::check(api.CastTypeInfoToTensorInfo(type.get(), &tensor));
      int elementType = 0;
      if (tensor != nullptr) ort::check(api.GetTensorElementType(tensor, &elementType));
      if (ort::sizeOf(elementType) == 0)
        throw std::invalid_argument(std::string(what) + " '" + names.back() + "' is no tensor of numbers: use onnxruntime-node");
    }
  };
  read(api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo, "input", inputNames_);
  read(api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo, "output", outputNames_);
}

ort::Owned<ort::Value> NativeSession::tensorOver(const TensorView& view) const {
  // A tensor without elements has no memory, and needs an address.
  static float none;
  ort::Owned<ort::Value> value(&ort::Api::ReleaseValue);
  ort::check(ort::api().CreateTensorWithDataAsOrtValue(memory_.get(), view.at == nullptr ? &none : view.at, view.bytes, view.dims,
                                                       view.rank, view.elementType, value.out()));
  return value;
}

void NativeSession::run(const std::vector<TensorView>& inputs, const std::vector<const char*>& outputNames,
                        std::vector<ort::Owned<ort::Value>>& outputs) {
  std::vector<ort::Owned<ort::Value>> owned;
  std::vector<const ort::Value*> values;
  std::vector<const char*> names;
  owned.reserve(inputs.size());
  for (const TensorView& input : inputs) {
    owned.push_back(tensorOver(input));
    values.push_back(owned.back().get());
    names.push_back(input.name);
  }
  std::vector<ort::Value*> results;
  for (const auto& output : outputs) results.push_back(output.get());
  ort::check(ort::api().Run(session_.get(), runOptions_.get(), names.data(), values.data(), values.size(), outputNames.data(),
                            outputNames.size(), results.data()));
  for (size_t i = 0; i < outputs.size(); i++)
    if (outputs[i].get() == nullptr) *outputs[i].out() = results[i];
}

bool NativeSession::terminate(uint64_t id) {
  const std::lock_guard<std::mutex> lock(sessionsMutex);
  const auto found = sessions.find(id);
  if (found == sessions.end()) return false;
  *found->second.second = true;
  ort::check(ort::api().RunOptionsSetTerminate(found->second.first));
  return true;
}

void NativeSession::reset() {
  const std::lock_guard<std::mutex> lock(sessionsMutex);
  isTerminated_ = false;
  ort::check(ort::api().RunOptionsUnsetTerminate(runOptions_.get()));
}

}  // namespace taustat
