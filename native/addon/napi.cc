#include "napi.h"

namespace taustat {

napi_value Js::undefined() const {
  napi_value value;
  check(napi_get_undefined(env, &value), "undefined");
  return value;
}
napi_value Js::text(const std::string& text) const {
  napi_value value;
  check(napi_create_string_utf8(env, text.data(), text.size(), &value), "string");
  return value;
}
napi_value Js::number(double number) const {
  napi_value value;
  check(napi_create_double(env, number, &value), "number");
  return value;
}
napi_value Js::boolean(bool boolean) const {
  napi_value value;
  check(napi_get_boolean(env, boolean, &value), "boolean");
  return value;
}
napi_value Js::bigint(uint64_t number) const {
  napi_value value;
  check(napi_create_bigint_uint64(env, number, &value), "bigint");
  return value;
}
napi_value Js::object() const {
  napi_value value;
  check(napi_create_object(env, &value), "object");
  return value;
}
napi_value Js::array(size_t length) const {
  napi_value value;
  check(napi_create_array_with_length(env, length, &value), "array");
  return value;
}
void Js::set(napi_value object, const char* name, napi_value value) const {
  check(napi_set_named_property(env, object, name, value), name);
}
void Js::set(napi_value array, size_t index, napi_value value) const {
  check(napi_set_element(env, array, static_cast<uint32_t>(index), value), "element");
}
napi_valuetype Js::typeOf(napi_value value) const {
  napi_valuetype type;
  check(napi_typeof(env, value, &type), "typeof");
  return type;
}
bool Js::isThere(napi_value value) const {
  const napi_valuetype type = typeOf(value);
  return type != napi_undefined && type != napi_null;
}
napi_value Js::get(napi_value object, const char* name) const {
  napi_value value;
  check(napi_get_named_property(env, object, name, &value), name);
  return value;
}
napi_value Js::get(napi_value array, size_t index) const {
  napi_value value;
  check(napi_get_element(env, array, static_cast<uint32_t>(index), &value), "element");
  return value;
}
uint32_t Js::lengthOf(napi_value array) const {
  bool isArray = false;
  check(napi_is_array(env, array, &isArray), "array");
  if (!isArray) throw std::invalid_argument("expected an array");
  uint32_t length = 0;
  check(napi_get_array_length(env, array, &length), "length");
  return length;
}
std::string Js::toText(napi_value value, const char* what) const {
  size_t size = 0;
  if (typeOf(value) != napi_string) throw std::invalid_argument(std::string(what) + ": expected a string");
  check(napi_get_value_string_utf8(env, value, nullptr, 0, &size), what);
  std::string text(size + 1, '\0');
  check(napi_get_value_string_utf8(env, value, text.data(), text.size(), &size), what);
  text.resize(size);
  return text;
}
double Js::toNumber(napi_value value, const char* what) const {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) throw std::invalid_argument(std::string(what) + ": expected a number");
  return number;
}
uint64_t Js::toBigint(napi_value value, const char* what) const {
  uint64_t number = 0;
  bool isExact = false;
  if (typeOf(value) != napi_bigint) throw std::invalid_argument(std::string(what) + ": expected a bigint");
  check(napi_get_value_bigint_uint64(env, value, &number, &isExact), what);
  return number;
}
Js::Elements Js::toElements(napi_value value, const char* what) const {
  bool isTyped = false;
  check(napi_is_typedarray(env, value, &isTyped), what);
  if (!isTyped) throw std::invalid_argument(std::string(what) + ": expected a typed array");
  Elements elements{};
  check(napi_get_typedarray_info(env, value, &elements.type, &elements.count, &elements.at, nullptr, nullptr), what);
  return elements;
}

napi_value call(napi_env env, napi_callback_info info, Function function) noexcept {
  try {
    size_t count = 8;
    std::vector<napi_value> arguments(count);
    check(napi_get_cb_info(env, info, &count, arguments.data(), nullptr, nullptr), "arguments");
    return function(Js(env), arguments);
  } catch (const NapiError& error) {
    bool isPending = true;
    if (napi_is_exception_pending(env, &isPending) == napi_ok && !isPending) napi_throw_error(env, nullptr, error.what());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  } catch (...) {
    napi_throw_error(env, nullptr, "unknown error");
  }
  return nullptr;
}

}  // namespace taustat
