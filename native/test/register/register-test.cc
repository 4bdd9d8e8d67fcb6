// Loads taustat's library as others do, without Node: through RegisterCustomOpsLibrary of ONNX Runtime.
//
//   register-test LIBRARY-OF-ONNX-RUNTIME LIBRARY-OF-TAUSTAT MODEL INPUT OUTPUT
//
// Reads a float input from standard input: its rank, its sizes, its elements. Prints the elements of the output.
#include <dlfcn.h>

#include <cstdio>

#include "../../ort/api.h"

using namespace taustat::ort;

int main(int, char** arguments) {
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
    size_t rank = 0;
    if (std::scanf("%zu", &rank) != 1) return 1;
    Shape shape;
    shape.dims.resize(rank);
    for (int64_t& dim : shape.dims)
      if (std::scanf("%ld", &dim) != 1) return 1;
    std::vector<float> x(static_cast<size_t>(shape.count()));
    for (float& value : x)
      if (std::scanf("%f", &value) != 1) return 1;
    Owned<MemoryInfo> memory(&Api::ReleaseMemoryInfo);
    check(api().CreateCpuMemoryInfo(1, 0, memory.out()));
    Owned<Value> input(&Api::ReleaseValue), output(&Api::ReleaseValue);
    check(api().CreateTensorWithDataAsOrtValue(memory.get(), x.data(), x.size() * sizeof(float), shape.dims.data(), rank, kFloat, input.out()));
    const char *inputName = arguments[4], *outputName = arguments[5];
    const Value* inputs[] = {input.get()};
    check(api().Run(session.get(), nullptr, &inputName, inputs, 1, &outputName, 1, output.out()));
    const int64_t count = shapeOf(output.get()).count();
    for (int64_t i = 0; i < count; i++) std::printf("%.9g ", static_cast<double>(floats(output.get())[i]));
  } catch (const std::exception& error) {
    return std::printf("%s\n", error.what()), 1;
  }
  return 0;
}
