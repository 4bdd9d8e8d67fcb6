#include "api.h"

#include <mutex>

namespace taustat::ort {
namespace {

Api table;
const ApiBase* base_ = nullptr;
std::mutex mutex_;

}  // namespace

const Api& api() { return table; }

void use(const ApiBase* base) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (base_ == base) return;
  if (base_ != nullptr) throw std::runtime_error("another ONNX Runtime is in use in this process");
  const void* const* found = base->GetApi(kVersion);
  if (found == nullptr)
    throw std::runtime_error(std::string("ONNX Runtime ") + base->GetVersionString() + " is too old; 1.17 or later is needed");
#define F(index, result, name, arguments) table.name = reinterpret_cast<result(*) arguments>(const_cast<void*>(found[index]));
  TAUSTAT_ORT_FUNCTIONS(F)
#undef F
  base_ = base;
}

bool isInUse() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return base_ != nullptr;
}

const char* libraryVersion() { return base_ == nullptr ? "" : base_->GetVersionString(); }

void check(Status* status) {
  if (status == nullptr) return;
  const std::string message = api().GetErrorMessage(status);
  api().ReleaseStatus(status);
  throw Error(message);
}

size_t sizeOf(int elementType) {
  switch (elementType) {
    case kUint8: case kInt8: case kBool: return 1;
    case kUint16: case kInt16: case kFloat16: case kBfloat16: return 2;
    case kFloat: case kInt32: case kUint32: return 4;
    case kInt64: case kDouble: case kUint64: return 8;
    default: return 0;
  }
}

int64_t Shape::count() const {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  return count;
}

Shape shapeOf(const Value* tensor) {
  Owned<TensorInfo> info(&Api::ReleaseTensorTypeAndShapeInfo);
  check(api().GetTensorTypeAndShape(tensor, info.out()));
  Shape shape;
  size_t rank = 0;
  check(api().GetTensorElementType(info.get(), &shape.elementType));
  check(api().GetDimensionsCount(info.get(), &rank));
  shape.dims.resize(rank);
  check(api().GetDimensions(info.get(), shape.dims.data(), rank));
  return shape;
}

void* mutableData(Value* tensor) {
  void* at = nullptr;
  check(api().GetTensorMutableData(tensor, &at));
  return at;
}

const float* floats(const Value* tensor) { return static_cast<const float*>(mutableData(const_cast<Value*>(tensor))); }

}  // namespace taustat::ort
