// The functions that src/runtime/local/native/addon.ts declares; what they do is said there.
#include <algorithm>
#include <cstring>
#include <memory>

#include "library.h"
#include "napi.h"
#include "session.h"

namespace taustat {
namespace {

/** Of one thread of Node. */
struct Instance {
  const Kernels* kernels = nullptr;
};

/** The shapes of the outputs that the same shapes of inputs gave before: such an output is written where JavaScript will read it. */
struct Forecast {
  std::vector<int64_t> key;
  std::vector<ort::Shape> outputs;
  /** Whether this output had the same shape at the last two runs of this key. */
  std::vector<bool> isSteady;
};

struct Holder {
  std::unique_ptr<NativeSession> session;
  Forecast forecast;
};

/** Smaller outputs are copied, which costs less than making a tensor over memory of JavaScript. */
constexpr size_t kWrittenInPlace = 16384;

Instance& instanceOf(const Js& js) {
  void* at = nullptr;
  check(napi_get_instance_data(js.env, &at), "instance");
  return *static_cast<Instance*>(at);
}

Holder& holderOf(const Js& js, napi_value value) {
  void* at = nullptr;
  if (js.typeOf(value) != napi_external) throw std::invalid_argument("expected a session");
  check(napi_get_value_external(js.env, value, &at), "session");
  return *static_cast<Holder*>(at);
}

NativeSession& sessionOf(const Js& js, napi_value value) {
  Holder& holder = holderOf(js, value);
  if (!holder.session) throw std::invalid_argument("the session is released");
  return *holder.session;
}

napi_value texts(const Js& js, const std::vector<std::string>& values) {
  const napi_value array = js.array(values.size());
  for (size_t i = 0; i < values.size(); i++) js.set(array, i, js.text(values[i]));
  return array;
}

napi_value init(const Js& js, const std::vector<napi_value>& arguments) {
  const std::string path = js.toText(arguments[0], "libraryPath");
  const std::string name = js.toText(arguments[1], "kernels");
  ort::use(loadedLibrary(path));
  const Kernels* kernels = choose(name.c_str());
  if (kernels == nullptr) throw std::invalid_argument("kernels '" + name + "' are not available on this machine");
  instanceOf(js).kernels = kernels;
  std::vector<std::string> available;
  for (int i = 0; i < all().count; i++)
    if (isSupported(*all().begin[i])) available.emplace_back(all().begin[i]->name);
  const napi_value result = js.object();
  js.set(result, "onnxruntime", js.text(ort::libraryVersion()));
  js.set(result, "kernels", js.text(kernels->name));
  js.set(result, "available", texts(js, available));
  return result;
}

SessionSettings settingsOf(const Js& js, napi_value options) {
  SessionSettings settings;
  settings.intraOpThreads = static_cast<int>(js.toNumber(js.get(options, "intraOpThreads"), "intraOpThreads"));
  if (settings.intraOpThreads < 1 || settings.intraOpThreads > 1024) throw std::invalid_argument("intraOpThreads: expected 1 to 1024");
  const napi_value optimization = js.get(options, "optimization");
  if (js.isThere(optimization)) {
    const std::string level = js.toText(optimization, "optimization");
    if (level == "disabled") settings.optimization = 0;
    else if (level == "basic") settings.optimization = 1;
    else if (level == "extended") settings.optimization = 2;
    else if (level != "all") throw std::invalid_argument("optimization '" + level + "', expected disabled, basic, extended or all");
  }
  settings.config.emplace_back("session.intra_op.allow_spinning", "0");
  const napi_value folder = js.get(options, "externalDataFolder");
  if (js.isThere(folder))
    settings.config.emplace_back("session.model_external_initializers_file_folder_path", js.toText(folder, "externalDataFolder"));
  return settings;
}

napi_value createSession(const Js& js, const std::vector<napi_value>& arguments) {
  const Kernels* kernels = instanceOf(js).kernels;
  if (kernels == nullptr) throw std::logic_error("init was not called in this thread");
  const SessionSettings settings = settingsOf(js, arguments[1]);
  auto holder = std::make_unique<Holder>();
  if (js.typeOf(arguments[0]) == napi_string) {
    holder->session = std::make_unique<NativeSession>(kernels, nullptr, 0, js.toText(arguments[0], "model"), settings);
  } else {
    const Js::Elements model = js.toElements(arguments[0], "model");
    if (model.type != napi_uint8_array) throw std::invalid_argument("model: expected a Uint8Array or a path");
    holder->session = std::make_unique<NativeSession>(kernels, model.at, model.count, "", settings);
  }
  napi_value external;
  const auto finalize = [](napi_env, void* at, void*) { delete static_cast<Holder*>(at); };
  check(napi_create_external(js.env, holder.get(), finalize, nullptr, &external), "session");
  holder.release();
  return external;
}

napi_value names(const Js& js, const std::vector<napi_value>& arguments) {
  const NativeSession& session = sessionOf(js, arguments[0]);
  const napi_value result = js.object();
  js.set(result, "inputs", texts(js, session.inputNames()));
  js.set(result, "outputs", texts(js, session.outputNames()));
  return result;
}

napi_typedarray_type arrayOf(int elementType) {
  switch (elementType) {
    case ort::kUint8: case ort::kBool: return napi_uint8_array;
    case ort::kInt8: return napi_int8_array;
    case ort::kUint16: case ort::kFloat16: case ort::kBfloat16: return napi_uint16_array;
    case ort::kInt16: return napi_int16_array;
    case ort::kInt32: return napi_int32_array;
    case ort::kUint32: return napi_uint32_array;
    case ort::kInt64: return napi_bigint64_array;
    case ort::kUint64: return napi_biguint64_array;
    case ort::kDouble: return napi_float64_array;
    default: return napi_float32_array;
  }
}

/** Inputs of one run, with what they point to. */
struct Inputs {
  std::vector<TensorView> views;
  std::vector<std::string> names;
  std::vector<std::vector<int64_t>> dims;

  Inputs(const Js& js, napi_value array) {
    const uint32_t count = js.lengthOf(array);
    views.reserve(count);
    names.reserve(count);
    dims.reserve(count);
    for (uint32_t i = 0; i < count; i++) add(js, js.get(array, i));
  }

  void add(const Js& js, napi_value tensor) {
    names.push_back(js.toText(js.get(tensor, "name"), "name"));
    const std::string& name = names.back();
    const int type = static_cast<int>(js.toNumber(js.get(tensor, "type"), "type"));
    const Js::Elements elements = js.toElements(js.get(tensor, "elements"), name.c_str());
    const napi_value shape = js.get(tensor, "shape");
    std::vector<int64_t> own(js.lengthOf(shape));
    int64_t expected = 1;
    for (size_t i = 0; i < own.size(); i++) {
      const double dim = js.toNumber(js.get(shape, i), "shape");
      if (!(dim >= 0 && dim <= 9007199254740991.0)) throw std::invalid_argument("input '" + name + "': bad shape");
      own[i] = static_cast<int64_t>(dim);
      if (__builtin_mul_overflow(expected, own[i], &expected)) throw std::invalid_argument("input '" + name + "': bad shape");
    }
    if (ort::sizeOf(type) == 0 || arrayOf(type) != elements.type)
      throw std::invalid_argument("input '" + name + "': elements do not fit element type " + std::to_string(type));
    if (expected != static_cast<int64_t>(elements.count))
      throw std::invalid_argument("input '" + name + "': " + std::to_string(elements.count) + " elements, its shape needs " +
                                  std::to_string(expected));
    dims.push_back(std::move(own));
    views.push_back({name.c_str(), type, dims.back().data(), dims.back().size(), elements.at, elements.count * ort::sizeOf(type)});
  }

  std::vector<int64_t> key(const std::vector<std::string>& outputs) const {
    std::vector<int64_t> key;
    for (size_t i = 0; i < views.size(); i++) {
      key.push_back(static_cast<int64_t>(std::hash<std::string>()(names[i])));
      key.insert(key.end(), dims[i].begin(), dims[i].end());
      key.push_back(-1);
    }
    for (const std::string& output : outputs) key.push_back(static_cast<int64_t>(std::hash<std::string>()(output)));
    return key;
  }
};

struct Output {
  napi_value buffer = nullptr;
  void* at = nullptr;
};

Output bufferOf(const Js& js, size_t bytes) {
  Output output;
  check(napi_create_arraybuffer(js.env, bytes, &output.at, &output.buffer), "arraybuffer");
  return output;
}

napi_value run(const Js& js, const std::vector<napi_value>& arguments) {
  Holder& holder = holderOf(js, arguments[0]);
  NativeSession& session = sessionOf(js, arguments[0]);
  const Inputs inputs(js, arguments[1]);
  std::vector<std::string> wanted(js.lengthOf(arguments[2]));
  std::vector<const char*> wantedNames;
  for (size_t i = 0; i < wanted.size(); i++) wanted[i] = js.toText(js.get(arguments[2], i), "output");
  for (const std::string& name : wanted) wantedNames.push_back(name.c_str());

  Forecast& forecast = holder.forecast;
  std::vector<int64_t> key = inputs.key(wanted);
  const bool isKnown = key == forecast.key && forecast.outputs.size() == wanted.size();
  std::vector<Output> buffers(wanted.size());
  std::vector<ort::Owned<ort::Value>> values;
  bool isWrittenInPlace = false;
  for (size_t i = 0; i < wanted.size(); i++) {
    values.emplace_back(&ort::Api::ReleaseValue);
    if (!isKnown || !forecast.isSteady[i]) continue;
    const ort::Shape& shape = forecast.outputs[i];
    const size_t bytes = static_cast<size_t>(shape.count()) * ort::sizeOf(shape.elementType);
    if (bytes < kWrittenInPlace) continue;
    buffers[i] = bufferOf(js, bytes);
    values[i] = session.tensorOver({nullptr, shape.elementType, shape.dims.data(), shape.dims.size(), buffers[i].at, bytes});
    isWrittenInPlace = true;
  }
  try {
    session.run(inputs.views, wantedNames, values);
  } catch (const ort::Error&) {
    if (!isWrittenInPlace || session.isTerminated()) throw;
    // The shape may depend on what the inputs hold.
    for (size_t i = 0; i < wanted.size(); i++) {
      buffers[i] = {};
      values[i].reset();
    }
    forecast = {};
    session.run(inputs.views, wantedNames, values);
  }

  Forecast next{std::move(key), {}, {}};
  const napi_value result = js.array(wanted.size());
  for (size_t i = 0; i < wanted.size(); i++) {
    int isTensor = 0;
    ort::check(ort::api().IsTensor(values[i].get(), &isTensor));
    if (isTensor == 0) throw std::invalid_argument("output '" + wanted[i] + "' is no tensor");
    ort::Shape shape = ort::shapeOf(values[i].get());
    const size_t count = static_cast<size_t>(shape.count());
    const size_t bytes = count * ort::sizeOf(shape.elementType);
    if (buffers[i].buffer == nullptr) {
      buffers[i] = bufferOf(js, bytes);
      if (bytes > 0) std::memcpy(buffers[i].at, ort::mutableData(values[i].get()), bytes);
    }
    values[i].reset();
    napi_value elements;
    check(napi_create_typedarray(js.env, arrayOf(shape.elementType), count, buffers[i].buffer, 0, &elements), "output");
    const napi_value dims = js.array(shape.dims.size());
    for (size_t k = 0; k < shape.dims.size(); k++) js.set(dims, k, js.number(static_cast<double>(shape.dims[k])));
    const napi_value tensor = js.object();
    js.set(tensor, "name", js.get(arguments[2], i));
    js.set(tensor, "type", js.number(shape.elementType));
    js.set(tensor, "shape", dims);
    js.set(tensor, "elements", elements);
    js.set(result, i, tensor);
    next.isSteady.push_back(next.key == forecast.key && i < forecast.outputs.size() && forecast.outputs[i].dims == shape.dims);
    next.outputs.push_back(std::move(shape));
  }
  forecast = std::move(next);
  return result;
}

napi_value sessionId(const Js& js, const std::vector<napi_value>& arguments) { return js.bigint(sessionOf(js, arguments[0]).id()); }

napi_value terminate(const Js& js, const std::vector<napi_value>& arguments) {
  return js.boolean(NativeSession::terminate(js.toBigint(arguments[0], "session")));
}

napi_value reset(const Js& js, const std::vector<napi_value>& arguments) {
  sessionOf(js, arguments[0]).reset();
  return js.undefined();
}

napi_value counts(const Js& js, const std::vector<napi_value>& arguments) {
  Counts& counts = sessionOf(js, arguments[0]).counts();
  const std::vector<Counts::Row> rows = counts.takeSites();
  const auto [multiplied, multiplications] = counts.takeMultiplications();
  const napi_value sites = js.array(rows.size());
  for (size_t i = 0; i < rows.size(); i++) {
    const napi_value row = js.object();
    js.set(row, "site", js.number(rows[i].site));
    js.set(row, "kept", js.number(static_cast<double>(rows[i].kept)));
    js.set(row, "seen", js.number(static_cast<double>(rows[i].seen)));
    js.set(sites, i, row);
  }
  const napi_value result = js.object();
  js.set(result, "sites", sites);
  js.set(result, "multiplied", js.number(static_cast<double>(multiplied)));
  js.set(result, "multiplications", js.number(static_cast<double>(multiplications)));
  return result;
}

/** Of the multiplications since the last call, the share that was left out; NaN where there was none. One number, for every run. */
napi_value macsSkipped(const Js& js, const std::vector<napi_value>& arguments) {
  const auto [multiplied, multiplications] = sessionOf(js, arguments[0]).counts().takeMultiplications();
  return js.number(1 - static_cast<double>(multiplied) / static_cast<double>(multiplications));
}

napi_value release(const Js& js, const std::vector<napi_value>& arguments) {
  holderOf(js, arguments[0]).session.reset();
  return js.undefined();
}

template <Function function>
void define(const Js& js, napi_value exports, const char* name) {
  napi_value value;
  check(napi_create_function(js.env, name, NAPI_AUTO_LENGTH, callback<function>, nullptr, &value), name);
  js.set(exports, name, value);
}

}  // namespace
}  // namespace taustat

NAPI_MODULE_INIT() {
  using namespace taustat;
  try {
    const Js js(env);
    auto instance = std::make_unique<Instance>();
    check(napi_set_instance_data(env, instance.get(), [](napi_env, void* at, void*) { delete static_cast<Instance*>(at); }, nullptr), "instance");
    instance.release();
    define<init>(js, exports, "init");
    define<createSession>(js, exports, "createSession");
    define<names>(js, exports, "names");
    define<run>(js, exports, "run");
    define<sessionId>(js, exports, "sessionId");
    define<terminate>(js, exports, "terminate");
    define<reset>(js, exports, "reset");
    define<counts>(js, exports, "counts");
    define<macsSkipped>(js, exports, "macsSkipped");
    define<release>(js, exports, "release");
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
  return exports;
}
