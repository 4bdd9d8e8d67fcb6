#include "vector.h"

#include "../generic/kernels.h"

namespace taustat {

extern const Kernels avx2Kernels;
const Kernels avx2Kernels = kernelsOf<Vector>("avx2");

}  // namespace taustat
