#include "vector.h"

#include "../generic/kernels.h"

namespace taustat {

extern const Kernels avx512Kernels;
const Kernels avx512Kernels = kernelsOf<Vector>("avx512", [] {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("popcnt");
});

}  // namespace taustat
