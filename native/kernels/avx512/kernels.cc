#include "vector.h"

#include "../generic/kernels.h"

namespace taustat {

extern const Kernels avx512Kernels;
const Kernels avx512Kernels = kernelsOf<Vector>("avx512");

}  // namespace taustat
