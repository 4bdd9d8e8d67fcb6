// Node-API with exceptions: every status is checked. A worker that is ended during a run makes any call fail, and what follows
// must not go on with the value.
#pragma once
#include <node_api.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace taustat {

/** A call of Node-API that failed. An exception of JavaScript may be pending. */
class NapiError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(napi_status status, const char* what) {
  if (status != napi_ok) throw NapiError(std::string(what) + ": Node-API status " + std::to_string(status));
}

class Js {
 public:
  explicit Js(napi_env env) : env(env) {}
  napi_env env;

  napi_value undefined() const;
  napi_value text(const std::string& value) const;
  napi_value number(double value) const;
  napi_value boolean(bool value) const;
  napi_value bigint(uint64_t value) const;
  napi_value object() const;
  napi_value array(size_t length) const;
  void set(napi_value object, const char* name, napi_value value) const;
  void set(napi_value array, size_t index, napi_value value) const;

  napi_valuetype typeOf(napi_value value) const;
  bool isThere(napi_value value) const;
  napi_value get(napi_value object, const char* name) const;
  napi_value get(napi_value array, size_t index) const;
  uint32_t lengthOf(napi_value array) const;
  /** @throws std::invalid_argument that names `what` for a value of another type. */
  std::string toText(napi_value value, const char* what) const;
  double toNumber(napi_value value, const char* what) const;
  uint64_t toBigint(napi_value value, const char* what) const;

  struct Elements {
    napi_typedarray_type type;
    size_t count;
    void* at;
  };
  /** @throws std::invalid_argument that names `what` for anything but a typed array. */
  Elements toElements(napi_value value, const char* what) const;
};

/** A function for JavaScript. What it throws becomes an Error. */
using Function = napi_value (*)(const Js&, const std::vector<napi_value>& arguments);
napi_value call(napi_env env, napi_callback_info info, Function function) noexcept;

template <Function function>
napi_value callback(napi_env env, napi_callback_info info) {
  return call(env, info, function);
}

}  // namespace taustat
