// From a C++ class to an operator of ONNX Runtime: the struct of callbacks, attributes and tensors. A class has
//
//   static constexpr const char* kName; static constexpr int kInputs, kRequired, kOutputType;
//   Class(const Attributes&, const Environment&); void compute(Run&) const;
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../ort/api.h"
#include "counts.h"

namespace taustat {

constexpr const char* kDomain = "ai.taustat";

/** What the operators of a session share. It outlives the session. */
struct Environment {
  const Kernels* kernels;
  /** Threads that a run may use. */
  int threads;
  Counts* counts;
};

/** Attributes and constant inputs of a node. @throws ort::Error, std::invalid_argument for values that no operator takes. */
class Attributes {
 public:
  Attributes(const ort::KernelInfo* info, const char* op) : info_(info), op_(op) {}
  int64_t integer(const char* name, int64_t otherwise) const;
  float number(const char* name, float otherwise) const;
  std::string text(const char* name, const std::string& otherwise) const;
  std::vector<int64_t> integers(const char* name, const std::vector<int64_t>& otherwise) const;
  /** Null if absent. @throws std::invalid_argument if it is there but not a constant float tensor. */
  const ort::Value* constant(size_t input) const;
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  const ort::KernelInfo* info_;
  const char* op_;
};

/** Inputs, outputs and threads of one run of a node. */
class Run {
 public:
  explicit Run(ort::KernelContext* context) : context_(context) {}
  /** Null if absent. */
  const ort::Value* input(size_t index) const;
  void* output(const std::vector<int64_t>& dims) const;
  /** task(i) for i < count, in the threads of the session. What one throws is thrown here. */
  void parallel(int count, const std::function<void(int)>& task) const;

 private:
  ort::KernelContext* context_;
};

namespace ort {

/** The layout of OrtCustomOp as of version 17. */
struct CustomOp {
  uint32_t version = kVersion;
  void* (*CreateKernel)(const CustomOp*, const void*, const KernelInfo*) = nullptr;
  const char* (*GetName)(const CustomOp*);
  const char* (*GetExecutionProviderType)(const CustomOp*);
  int (*GetInputType)(const CustomOp*, size_t);
  size_t (*GetInputTypeCount)(const CustomOp*);
  int (*GetOutputType)(const CustomOp*, size_t);
  size_t (*GetOutputTypeCount)(const CustomOp*);
  void (*KernelCompute)(void*, KernelContext*) = nullptr;
  void (*KernelDestroy)(void*);
  int (*GetInputCharacteristic)(const CustomOp*, size_t);
  int (*GetOutputCharacteristic)(const CustomOp*, size_t);
  int (*GetInputMemoryType)(const CustomOp*, size_t);
  int (*GetVariadicInputMinArity)(const CustomOp*);
  int (*GetVariadicInputHomogeneity)(const CustomOp*);
  int (*GetVariadicOutputMinArity)(const CustomOp*);
  int (*GetVariadicOutputHomogeneity)(const CustomOp*);
  Status* (*CreateKernelV2)(const CustomOp*, const void*, const KernelInfo*, void**);
  Status* (*KernelComputeV2)(void*, KernelContext*);
  Status* (*InferOutputShapeFn)(const CustomOp*, void*) = nullptr;
  int (*GetStartVersion)(const CustomOp*);
  int (*GetEndVersion)(const CustomOp*);
};

}  // namespace ort

/** Runs `body`, and turns what it throws into a status. */
template <typename Body>
ort::Status* guarded(const char* op, Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return ort::api().CreateStatus(1, (std::string(op) + ": " + error.what()).c_str());
  } catch (...) {
    return ort::api().CreateStatus(1, op);
  }
}

/** The callbacks of one operator in one environment. */
template <typename Op>
struct Registered : ort::CustomOp {
  const Environment* environment;

  explicit Registered(const Environment* environment) : environment(environment) {
    GetName = [](const CustomOp*) { return Op::kName; };
    GetExecutionProviderType = [](const CustomOp*) -> const char* { return nullptr; };
    GetInputType = [](const CustomOp*, size_t) -> int { return ort::kFloat; };
    GetInputTypeCount = [](const CustomOp*) -> size_t { return Op::kInputs; };
    GetOutputType = [](const CustomOp*, size_t) -> int { return Op::kOutputType; };
    GetOutputTypeCount = [](const CustomOp*) -> size_t { return 1; };
    KernelDestroy = [](void* kernel) { delete static_cast<Op*>(kernel); };
    GetInputCharacteristic = [](const CustomOp*, size_t input) -> int { return input < Op::kRequired ? 0 : 1; };
    GetOutputCharacteristic = [](const CustomOp*, size_t) -> int { return 0; };
    GetInputMemoryType = [](const CustomOp*, size_t) -> int { return 0; };
    GetVariadicInputMinArity = GetVariadicInputHomogeneity = GetVariadicOutputMinArity = GetVariadicOutputHomogeneity =
        GetStartVersion = [](const CustomOp*) -> int { return 1; };
    GetEndVersion = [](const CustomOp*) -> int { return 0x7fffffff; };
    CreateKernelV2 = [](const CustomOp* op, const void*, const ort::KernelInfo* info, void** kernel) {
      return guarded(Op::kName, [&] {
        *kernel = new Op(Attributes(info, Op::kName), *static_cast<const Registered*>(op)->environment);
      });
    };
    KernelComputeV2 = [](void* kernel, ort::KernelContext* context) {
      return guarded(Op::kName, [&] {
        Run run(context);
        static_cast<const Op*>(kernel)->compute(run);
      });
    };
  }
};

/** All operators of the domain, registered for one environment. Must outlive the sessions that use them. */
class Operators {
 public:
  explicit Operators(const Environment* environment);
  ~Operators();
  void addTo(ort::SessionOptions* options) const;

 private:
  struct All;
  std::unique_ptr<All> all_;
};

}  // namespace taustat
