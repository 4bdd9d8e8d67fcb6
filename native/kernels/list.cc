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

const Kernels* choose(const char* name) {
  const bool isAuto = std::strcmp(name, "auto") == 0;
  for (const Kernels* kernels : kAll)
    if ((isAuto || std::strcmp(name, kernels->name) == 0) && kernels->isSupported()) return kernels;
  return nullptr;
}

}  // namespace taustat
