#include "vector.h"

#include "../generic/kernels.h"

namespace taustat {

extern const Kernels portableKernels;
const Kernels portableKernels = kernelsOf<Vector>("portable");

}  // namespace taustat
