// Loads taustat's library as others do, without Node: through RegisterCustomOpsLibrary of ONNX Runtime.
//
//   register-test LIBRARY-OF-ONNX-RUNTIME LIBRARY-OF-TAUSTAT MODEL OUTPUT INPUT…
//
// Reads the float inputs from standard input: of each its rank, its sizes, its elements. Prints the elements of the output.
#include <dlfcn.h>

#include <cstdio>

#include "../../ort/api.h"

using namespace taustat::ort;

int main(int argumentCount, char** arguments) {
  void* library = dlopen(arguments[1], RTLD_NOW);
  if (library == nullptr) return std::printf("%s\n", dlerror()), 1;
  const auto base = reinterpret_cast<const ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"))();
  try {
    use(base);
    Owned<Env> env(&Api::ReleaseEnv);
    Owned<SessionOptions> options(&Api::ReleaseSessionOptions);
    check(api().CreateEnv(3, "test", env.out()));
    check(api().CreateSessionOptions(options.out()));
    void* handle = nullptr;
    const auto registerLibrary = reinterpret_cast<Status* (*)(SessionOptions*, const char*, void**)>(
        const_cast<void*>(base->GetApi(kVersion)[29]));
    check(registerLibrary(options.get(), arguments[2], &handle));
    Owned<Session> session(&Api::ReleaseSession);
    check(api().CreateSession(env.get(), arguments[3], options.get(), session.out()));
    Owned<MemoryInfo> memory(&Api::ReleaseMemoryInfo);
    check(api().CreateCpuMemoryInfo(1, 0, memory.out()));
    const auto count = static_cast<size_t>(argumentCount - 5);
    std::vector<std::vector<float>> elements(count);
    std::vector<Owned<Value>> values;
    std::vector<const Value*> inputs;
    for (std::vector<float>& x : elements) {
      size_t rank = 0;
      if (std::scanf("%zu", &rank) != 1) return 1;
      Shape shape;
      shape.dims.resize(rank);
      for (int64_t& dim : shape.dims)
        if (std::scanf("%ld", &dim) != 1) return 1;
      x.resize(static_cast<size_t>(shape.count()));
      for (float& value : x)
        if (std::scanf("%f", &value) != 1) return 1;
      values.emplace_back(&Api::ReleaseValue);
      check(api().CreateTensorWithDataAsOrtValue(memory.get(), x.data(), x.size() * sizeof(float), shape.dims.data(), rank, kFloat, values.back().out()));
      inputs.push_back(values.back().get());
    }
    Owned<Value> output(&Api::ReleaseValue);
    const char* outputName = arguments[4];
    check(api().Run(session.get(), nullptr, arguments + 5, inputs.data(), count, &outputName, 1, output.out()));
    const Shape shape = shapeOf(output.get());
    const void* data = mutableData(output.get());
    for (int64_t i = 0; i < shape.count(); i++)
      std::printf("%.17g ", shape.elementType == kDouble ? static_cast<const double*>(data)[i] : static_cast<double>(static_cast<const float*>(data)[i]));
  } catch (const std::exception& error) {
    return std::printf("%s\n", error.what()), 1;
  }
  return 0;
}
