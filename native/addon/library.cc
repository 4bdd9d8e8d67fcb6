#include "library.h"

#include <dlfcn.h>

namespace taustat {

const ort::ApiBase* loadedLibrary(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOLOAD | RTLD_NOW);
  // A miss leaves dlerror empty.
  if (library == nullptr) throw std::runtime_error("'" + path + "' is not loaded: import onnxruntime-node first");
  const auto getBase = reinterpret_cast<const ort::ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (getBase == nullptr) throw std::runtime_error("'" + path + "' has no OrtGetApiBase");
  Dl_info self{};
  if (dladdr(reinterpret_cast<void*>(&loadedLibrary), &self) != 0 && self.dli_fname != nullptr)
    dlopen(self.dli_fname, RTLD_NOLOAD | RTLD_NODELETE | RTLD_NOW);
  return getBase();
}

}  // namespace taustat
