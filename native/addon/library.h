#pragma once
#include <string>

#include "../ort/api.h"

namespace taustat {

/**
 * The ONNX Runtime that this process has loaded from `path`; it is not loaded here.
 *
 * Also keeps this addon in memory: threads of ONNX Runtime may run its operators after the last worker that loaded it is gone.
 *
 * @throws std::runtime_error if it is not loaded, or no ONNX Runtime.
 */
const ort::ApiBase* loadedLibrary(const std::string& path);

}  // namespace taustat
