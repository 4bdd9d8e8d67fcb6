#include "vector.h"

#include "../generic/kernels.h"

namespace taustat {

extern const Kernels neonKernels;
const Kernels neonKernels = kernelsOf<Vector>("neon");

}  // namespace taustat
