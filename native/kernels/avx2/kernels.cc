#include "vector.h"

#include "../generic/kernels.h"

namespace taustat {

extern const Kernels avx2Kernels;
const Kernels avx2Kernels = kernelsOf<Vector>("avx2", [] {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("popcnt");
});

}  // namespace taustat
