#include <cstring>

#include "kernels.h"

namespace taustat {

#if defined(__x86_64__)
extern const Kernels avx512Kernels;
extern const Kernels avx2Kernels;
#elif defined(__aarch64__)
extern const Kernels neonKernels;
#endif
extern const Kernels portableKernels;

static const Kernels* const kAll[] = {
#if defined(__x86_64__)
    &avx512Kernels,
    &avx2Kernels,
#elif defined(__aarch64__)
    &neonKernels,
#endif
    &portableKernels,
};

KernelList all() { return {kAll, static_cast<int>(sizeof kAll / sizeof *kAll)}; }

// Asked here, in code for any machine, since a function that is compiled for an instruction set may use it.
bool isSupported(const Kernels& kernels) {
#if defined(__x86_64__)
  const bool hasCommon = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
                         __builtin_cpu_supports("popcnt");
  if (&kernels == &avx2Kernels) return hasCommon;
  if (&kernels == &avx512Kernels)
    return hasCommon && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2");
#else
  static_cast<void>(kernels);
#endif
  return true;
}

const Kernels* choose(const char* name) {
  const bool isAuto = std::strcmp(name, "auto") == 0;
  for (const Kernels* kernels : kAll)
    if ((isAuto || std::strcmp(name, kernels->name) == 0) && isSupported(*kernels)) return kernels;
  return nullptr;
}

}  // namespace taustat
