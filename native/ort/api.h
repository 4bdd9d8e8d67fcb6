// The part of ONNX Runtime's C API that taustat uses, declared here: the functions by their place in the table, which is
// append-only, so that one binary runs with every library from 1.17 on. Nothing is linked against.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace taustat::ort {

constexpr uint32_t kVersion = 17;

struct Status;
struct Env;
struct SessionOptions;
struct Session;
struct RunOptions;
struct CustomOpDomain;
struct Value;
struct TypeInfo;
struct TensorInfo;
struct MemoryInfo;
struct Allocator;
struct KernelInfo;
struct KernelContext;
struct CustomOp;

// What ONNX calls the types of elements.
enum ElementType : int {
  kFloat = 1, kUint8 = 2, kInt8 = 3, kUint16 = 4, kInt16 = 5, kInt32 = 6, kInt64 = 7, kString = 8, kBool = 9, kFloat16 = 10,
  kDouble = 11, kUint32 = 12, kUint64 = 13, kBfloat16 = 16,
};

/** Bytes per element; 0 for types that taustat does not pass. */
size_t sizeOf(int elementType);

// clang-format off
#define TAUSTAT_ORT_FUNCTIONS(F) \
  F(0, Status*, CreateStatus, (int code, const char* message)) \
  F(2, const char*, GetErrorMessage, (const Status*)) \
  F(3, Status*, CreateEnv, (int logLevel, const char* name, Env**)) \
  F(7, Status*, CreateSession, (const Env*, const char* path, const SessionOptions*, Session**)) \
  F(8, Status*, CreateSessionFromArray, (const Env*, const void* model, size_t bytes, const SessionOptions*, Session**)) \
  F(9, Status*, Run, (Session*, const RunOptions*, const char* const* inputNames, const Value* const* inputs, size_t, const char* const* outputNames, size_t, Value** outputs)) \
  F(10, Status*, CreateSessionOptions, (SessionOptions**)) \
  F(22, Status*, SetSessionLogSeverityLevel, (SessionOptions*, int)) \
  F(23, Status*, SetSessionGraphOptimizationLevel, (SessionOptions*, int)) \
  F(24, Status*, SetIntraOpNumThreads, (SessionOptions*, int)) \
  F(25, Status*, SetInterOpNumThreads, (SessionOptions*, int)) \
  F(26, Status*, CreateCustomOpDomain, (const char* name, CustomOpDomain**)) \
  F(27, Status*, CustomOpDomain_Add, (CustomOpDomain*, const CustomOp*)) \
  F(28, Status*, AddCustomOpDomain, (SessionOptions*, CustomOpDomain*)) \
  F(30, Status*, SessionGetInputCount, (const Session*, size_t*)) \
  F(31, Status*, SessionGetOutputCount, (const Session*, size_t*)) \
  F(33, Status*, SessionGetInputTypeInfo, (const Session*, size_t, TypeInfo**)) \
  F(34, Status*, SessionGetOutputTypeInfo, (const Session*, size_t, TypeInfo**)) \
  F(36, Status*, SessionGetInputName, (const Session*, size_t, Allocator*, char**)) \
  F(37, Status*, SessionGetOutputName, (const Session*, size_t, Allocator*, char**)) \
  F(39, Status*, CreateRunOptions, (RunOptions**)) \
  F(41, Status*, RunOptionsSetRunLogSeverityLevel, (RunOptions*, int)) \
  F(46, Status*, RunOptionsSetTerminate, (RunOptions*)) \
  F(47, Status*, RunOptionsUnsetTerminate, (RunOptions*)) \
  F(49, Status*, CreateTensorWithDataAsOrtValue, (const MemoryInfo*, void*, size_t bytes, const int64_t* dims, size_t, int elementType, Value**)) \
  F(50, Status*, IsTensor, (const Value*, int*)) \
  F(51, Status*, GetTensorMutableData, (Value*, void**)) \
  F(55, Status*, CastTypeInfoToTensorInfo, (const TypeInfo*, const TensorInfo**)) \
  F(60, Status*, GetTensorElementType, (const TensorInfo*, int*)) \
  F(61, Status*, GetDimensionsCount, (const TensorInfo*, size_t*)) \
  F(62, Status*, GetDimensions, (const TensorInfo*, int64_t*, size_t)) \
  F(65, Status*, GetTensorTypeAndShape, (const Value*, TensorInfo**)) \
  F(69, Status*, CreateCpuMemoryInfo, (int allocator, int memory, MemoryInfo**)) \
  F(76, Status*, AllocatorFree, (Allocator*, void*)) \
  F(78, Status*, GetAllocatorWithDefaultOptions, (Allocator**)) \
  F(85, Status*, KernelInfoGetAttribute_float, (const KernelInfo*, const char*, float*)) \
  F(86, Status*, KernelInfoGetAttribute_int64, (const KernelInfo*, const char*, int64_t*)) \
  F(87, Status*, KernelInfoGetAttribute_string, (const KernelInfo*, const char*, char*, size_t*)) \
  F(88, Status*, KernelContext_GetInputCount, (const KernelContext*, size_t*)) \
  F(90, Status*, KernelContext_GetInput, (const KernelContext*, size_t, const Value**)) \
  F(91, Status*, KernelContext_GetOutput, (KernelContext*, size_t, const int64_t*, size_t, Value**)) \
  F(92, void, ReleaseEnv, (Env*)) \
  F(93, void, ReleaseStatus, (Status*)) \
  F(94, void, ReleaseMemoryInfo, (MemoryInfo*)) \
  F(95, void, ReleaseSession, (Session*)) \
  F(96, void, ReleaseValue, (Value*)) \
  F(97, void, ReleaseRunOptions, (RunOptions*)) \
  F(98, void, ReleaseTypeInfo, (TypeInfo*)) \
  F(99, void, ReleaseTensorTypeAndShapeInfo, (TensorInfo*)) \
  F(100, void, ReleaseSessionOptions, (SessionOptions*)) \
  F(101, void, ReleaseCustomOpDomain, (CustomOpDomain*)) \
  F(130, Status*, AddSessionConfigEntry, (SessionOptions*, const char* key, const char* value)) \
  F(163, Status*, KernelInfoGetAttributeArray_int64, (const KernelInfo*, const char*, int64_t*, size_t*)) \
  F(249, Status*, KernelInfoGetConstantInput_tensor, (const KernelInfo*, size_t, int* isConstant, const Value**)) \
  F(274, Status*, KernelContext_ParallelFor, (const KernelContext*, void (*)(void*, size_t), size_t total, size_t batches, void*))
// clang-format on

struct Api {
#define F(index, result, name, arguments) result(*name) arguments;
  TAUSTAT_ORT_FUNCTIONS(F)
#undef F
};

/** What `OrtGetApiBase` returns. */
struct ApiBase {
  const void* const* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

/** The table of the library, the same for the whole process. Valid once `use` has returned. */
const Api& api();
/** @throws std::runtime_error if the library is too old, or another one is in use already. */
void use(const ApiBase* base);
bool isInUse();
const char* libraryVersion();

/** An error that ONNX Runtime has told of. */
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** @throws Error with the message of a status that is not success, which is released. */
void check(Status* status);

/** Owns what an OrtRelease… function releases. */
template <typename T, void (*const Api::*release)(T*)>
struct Released;

template <typename T>
class Owned {
 public:
  using Release = void (*Api::*)(T*);
  explicit Owned(Release release) : release_(release) {}
  ~Owned() { reset(); }
  Owned(Owned&& other) noexcept : release_(other.release_), at_(std::exchange(other.at_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(at_, other.at_);
    return *this;
  }
  T* get() const { return at_; }
  /** For a function that writes what it has made. */
  T** out() {
    reset();
    return &at_;
  }
  void reset() {
    if (at_ != nullptr) (api().*release_)(at_);
    at_ = nullptr;
  }

 private:
  Release release_;
  T* at_ = nullptr;
};

/** Type and shape of a tensor. */
struct Shape {
  int elementType = 0;
  std::vector<int64_t> dims;
  /** Product of the dimensions. */
  int64_t count() const;
};
Shape shapeOf(const Value* tensor);
void* mutableData(Value* tensor);
/** Of a float tensor. */
const float* floats(const Value* tensor);

}  // namespace taustat::ort
