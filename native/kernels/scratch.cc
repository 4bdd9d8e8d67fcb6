#include <cstdlib>
#include <new>

#include "kernels.h"

namespace taustat {

Scratch::~Scratch() {
  for (void* at : at_) std::free(at);
}

void* Scratch::reserve(int slot, size_t bytes) {
  if (bytes > bytes_[slot]) {
    std::free(at_[slot]);
    at_[slot] = nullptr;
    bytes_[slot] = 0;
    const size_t size = static_cast<size_t>(roundUp(static_cast<int64_t>(bytes), 4096));
    if (posix_memalign(&at_[slot], 64, size) != 0) {
      at_[slot] = nullptr;
      throw std::bad_alloc();
    }
    bytes_[slot] = size;
  }
  return at_[slot];
}

Scratch& Scratch::ofThisThread() {
  static thread_local Scratch scratch;
  return scratch;
}

}  // namespace taustat
