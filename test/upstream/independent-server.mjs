// A minimal server of the Open Inference Protocol v2, REST and gRPC, written from the specification alone: it shares no code with
// what is tested. ONNX Runtime runs the models, and requests that come together share a run, cut along dimension 0.
//
//   node independent-server.mjs <folder of name.onnx> [http port] [grpc port]
//
// prints one line of JSON with its ports. `PUT /faults` sets what it does wrong, a JSON object:
//   slowMs          every run takes so much longer
//   refuse          status of every inference
//   lie             { model, kind }: 'nan' | 'rows' | 'missing' | 'datatype' | 'garbage' | 'values', in answers of that model
//   drop            connections are cut while a request runs
//   unready         names of models that are not ready
//   json            it does not say that it takes binary tensors, and refuses them
//   unauthorized    everything is answered 401
//   models          { served name: file name }, another choice of files
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { ModelProtoSchema } from 'onnx-buf';

// A model with operators of `ai.taustat` is run by ONNX Runtime with their library, as a server does that is told of it.

process.env.ORT_DISABLE_TELEMETRY = '1';
const ort = await import('onnxruntime-node');

const [folder = '.', httpPort = '0', grpcPort = '0'] = process.argv.slice(2);
const BATCH_MS = 2;
const MAX_ROWS = 32;

/** @typedef {{ name: string, datatype: string, shape: number[], data: any }} Tensor */

/** @type {Record<string, any>} */
let faults = {};
/** What was asked: counts by model, the largest batch, and headers of the latest inference. @type {any} */
const seen = { runs: {}, requests: {}, largest: 0, headers: {}, parameters: {}, flooded: 0 };

const TYPES = /** @type {const} */ ({
  float32: ['FP32', Float32Array],
  float64: ['FP64', Float64Array],
  int64: ['INT64', BigInt64Array],
  int32: ['INT32', Int32Array],
  uint8: ['UINT8', Uint8Array],
  int8: ['INT8', Int8Array],
  bool: ['BOOL', Uint8Array],
  float16: ['FP16', Uint16Array],
});
/** @param {string} datatype @returns {[string, any]} */
const ofDatatype = (datatype) => {
  const found = Object.entries(TYPES).find(([, [name]]) => name === datatype);
  if (found === undefined) throw new Refusal(400, `datatype ${datatype} is not served`);
  return [found[0], found[1][1]];
};

class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** A session with the operators of `ai.taustat`, as one of onnxruntime-node looks. */
class SessionWithOperators {
  static ELEMENTS = /** @type {const} */ ({ 1: 'float32', 7: 'int64', 11: 'float64' });

  /** @param {Uint8Array} bytes @param {import('onnx-buf').GraphProto} graph */
  constructor(bytes, graph) {
    const { addon, libraryPath } = SessionWithOperators.addon();
    addon.init(libraryPath, 'auto');
    this.addon = addon;
    this.handle = addon.createSession(bytes, { intraOpThreads: 1 });
    const described = (/** @type {any} */ { name, type }) => ({
      name,
      type: /** @type {any} */ (SessionWithOperators.ELEMENTS)[type.value.value.elemType],
      shape: type.value.value.shape.dim.map((/** @type {any} */ { value }) =>
        value.case === 'dimValue' ? Number(value.value) : '',
      ),
    });
    this.inputMetadata = graph.input.map(described);
    this.outputMetadata = graph.output.map(described);
    this.inputNames = graph.input.map(({ name }) => name);
    this.outputNames = graph.output.map(({ name }) => name);
    this.optional = new Set(graph.initializer.map(({ name }) => name));
  }

  static addon() {
    const require = createRequire(import.meta.url);
    const name = `${process.platform}-${process.arch}`;
    const binary = fileURLToPath(new URL(`../../dist/native/taustat-${name}.node`, import.meta.url));
    const main = require.resolve('onnxruntime-node');
    const root = main.slice(0, main.lastIndexOf('onnxruntime-node') + 'onnxruntime-node'.length);
    const libraryPath = join(root, 'bin/napi-v6', process.platform, process.arch, 'libonnxruntime.so.1');
    return { addon: require(binary), libraryPath };
  }

  /** @param {Record<string, any>} feeds @param {string[]} names */
  async run(feeds, names) {
    const inputs = Object.entries(feeds).map(([name, { data, dims, type }]) => {
      const [number] =
        Object.entries(SessionWithOperators.ELEMENTS).find(([, element]) => element === type) ?? [];
      return { name, type: Number(number), shape: dims, elements: data };
    });
    /** @type {Record<string, any>} */
    const results = {};
    for (const { name, type, shape, elements } of this.addon.run(this.handle, inputs, names))
      results[name] = {
        type: /** @type {any} */ (SessionWithOperators.ELEMENTS)[type],
        dims: shape,
        data: elements,
      };
    return results;
  }
}

class Model {
  /** @param {string} file */
  static async open(file) {
    const model = new Model();
    const bytes = readFileSync(file);
    const { graph, opsetImport } = fromBinary(ModelProtoSchema, bytes);
    const isWithOperators = opsetImport.some(({ domain }) => domain === 'ai.taustat');
    model.session =
      isWithOperators && graph !== undefined
        ? new SessionWithOperators(bytes, graph)
        : await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
    return model;
  }

  /** @type {any} */
  session;
  /** @type {any[]} */
  waiting = [];

  /** @param {any} meta @returns {{ name: string, datatype: string, shape: number[] }} */
  static spec(meta) {
    const [datatype] = /** @type {any} */ (TYPES)[meta.type] ?? ['BYTES'];
    return {
      name: meta.name,
      datatype,
      shape: meta.shape.map((/** @type {any} */ size) => (typeof size === 'number' ? size : -1)),
    };
  }

  get inputs() {
    return this.session.inputMetadata.map(Model.spec);
  }

  get outputs() {
    return this.session.outputMetadata.map(Model.spec);
  }

  /** @param {Tensor[]} inputs @param {string[]} outputs @returns {Promise<{ outputs: Tensor[], rows: number }>} */
  infer(inputs, outputs) {
    for (const spec of this.inputs) {
      const input = inputs.find(({ name }) => name === spec.name);
      if (input === undefined && this.session.optional?.has(spec.name)) continue;
      if (input === undefined) throw new Refusal(400, `input '${spec.name}' is missing`);
      if (input.datatype !== spec.datatype) throw new Refusal(400, `input '${spec.name}': ${input.datatype}`);
      const fits =
        input.shape.length === spec.shape.length &&
        spec.shape.every(
          (/** @type {number} */ size, /** @type {number} */ i) => size < 0 || size === input.shape[i],
        );
      if (!fits) throw new Refusal(400, `input '${spec.name}': shape [${input.shape}]`);
      const count = input.shape.reduce((product, size) => product * size, 1);
      if (count !== input.data.length)
        throw new Refusal(400, `input '${spec.name}': ${input.data.length} elements for ${count}`);
    }
    const unknown = inputs.find(({ name }) => !this.session.inputNames.includes(name));
    if (unknown !== undefined) throw new Refusal(400, `input '${unknown.name}' is none`);
    const missing = outputs.find((name) => !this.session.outputNames.includes(name));
    if (missing !== undefined) throw new Refusal(400, `output '${missing}' is none`);
    return new Promise((resolve, reject) => {
      this.waiting.push({ inputs, outputs, resolve, reject });
      if (this.waiting.length === 1) setTimeout(() => this.run(), BATCH_MS);
    });
  }

  async run() {
    const queue = this.waiting.splice(0);
    while (queue.length > 0) {
      const [first] = queue;
      const alike = (/** @type {any} */ one) =>
        one.inputs.length === first.inputs.length &&
        one.inputs.every(
          (/** @type {Tensor} */ input, /** @type {number} */ i) =>
            input.name === first.inputs[i].name &&
            input.shape.length > 1 &&
            `${input.shape.slice(1)}` === `${first.inputs[i].shape.slice(1)}`,
        );
      const batch = [];
      let rows = 0;
      for (let i = 0; i < queue.length; ) {
        const one = queue[i];
        const own = one.inputs[0]?.shape[0] ?? 1;
        if (batch.length === 0 || (alike(first) && alike(one) && rows + own <= MAX_ROWS)) {
          batch.push(one);
          rows += own;
          queue.splice(i, 1);
        } else i++;
      }
      await this.runBatch(batch);
    }
  }

  /** @param {any[]} batch */
  async runBatch(batch) {
    try {
      if (faults.slowMs) await new Promise((resolve) => setTimeout(resolve, faults.slowMs));
      const names = [...new Set(batch.flatMap(({ outputs }) => outputs))];
      /** @type {Record<string, any>} */
      const feeds = {};
      batch[0].inputs.forEach((/** @type {Tensor} */ { name, datatype, shape }, /** @type {number} */ i) => {
        const [type, Elements] = ofDatatype(datatype);
        const parts = batch.map(({ inputs }) => inputs[i]);
        const all = new Elements(parts.reduce((sum, { data }) => sum + data.length, 0));
        let at = 0;
        for (const { data } of parts) {
          all.set(data, at);
          at += data.length;
        }
        const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 1), 0);
        feeds[name] = new ort.Tensor(
          /** @type {any} */ (type),
          all,
          batch.length === 1 ? shape : [rows, ...shape.slice(1)],
        );
      });
      const results = await this.session.run(feeds, names);
      const sizes = batch.map(({ inputs }) => inputs[0]?.shape[0] ?? 1);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      seen.largest = Math.max(seen.largest, batch.length);
      let from = 0;
      batch.forEach(({ outputs, resolve }, i) => {
        const own = outputs.map((/** @type {string} */ name) => {
          const { type, dims, data } = results[name];
          const perRow = data.length / total;
          const cut = batch.length === 1 ? data : data.slice(from * perRow, (from + sizes[i]) * perRow);
          return {
            name,
            datatype: /** @type {any} */ (TYPES)[type][0],
            shape: batch.length === 1 ? [...dims] : [sizes[i], ...dims.slice(1)],
            data: cut,
          };
        });
        from += sizes[i];
        resolve({ outputs: own });
      });
    } catch (error) {
      for (const { reject } of batch) reject(new Refusal(400, String(error)));
    }
  }
}

/** @type {Map<string, Model>} */
const files = new Map();
for (const file of readdirSync(folder).filter((name) => name.endsWith('.onnx')))
  files.set(file.slice(0, -5), await Model.open(join(folder, file)));

/** @param {string} name */
function modelOf(name) {
  const model = files.get(faults.models?.[name] ?? name);
  if (model === undefined || faults.models?.[name] === null)
    throw new Refusal(404, `Request for unknown model: '${name}' is not found`);
  return model;
}

/** @param {string} name @param {Tensor[]} inputs @param {string[]} asked */
async function infer(name, inputs, asked) {
  const model = modelOf(name);
  seen.requests[name] = (seen.requests[name] ?? 0) + 1;
  if (faults.refuse) throw new Refusal(faults.refuse, 'no room');
  const outputs = asked.length > 0 ? asked : model.session.outputNames;
  const { outputs: answer } = await model.infer(inputs, outputs);
  return faults.lie?.model === name ? lied(answer, faults.lie.kind) : answer;
}

/** @param {Tensor[]} answer @param {string} kind */
function lied(answer, kind) {
  const [first, ...others] = answer;
  if (first === undefined) return answer;
  switch (kind) {
    case 'nan':
      return [{ ...first, data: first.data.map(() => Number.NaN) }, ...others];
    case 'values':
      return [{ ...first, data: first.data.map((/** @type {number} */ y) => 3 - 7 * y) }, ...others];
    case 'rows':
      return answer.map((output) => {
        const [rows = 0, ...sizes] = output.shape;
        const length = (output.data.length / rows) * (rows + 1);
        return { ...output, shape: [rows + 1, ...sizes], data: new output.data.constructor(length) };
      });
    case 'datatype':
      return [{ ...first, datatype: 'FP64', data: Float64Array.from(first.data) }, ...others];
    case 'missing':
      return others;
    default:
      return answer;
  }
}

const METADATA = { name: 'independent', version: '1', extensions: ['binary_tensor_data'] };
/** @param {string} name */
const metadataOf = (name) => {
  const { inputs, outputs } = modelOf(name);
  return { name, versions: ['1'], platform: 'onnx', inputs, outputs };
};
/** @param {string} name */
const isReady = (name) => files.has(faults.models?.[name] ?? name) && !faults.unready?.includes(name);

// REST.

/** @param {any} input @param {Buffer} binary @param {{ at: number }} cursor @returns {Tensor} */
function inputOf(input, binary, cursor) {
  const [, Elements] = ofDatatype(input.datatype);
  const size = input.parameters?.binary_data_size;
  if (size === undefined) {
    const flat = input.data.flat(Number.POSITIVE_INFINITY);
    const isBig = Elements === BigInt64Array;
    return { ...input, data: Elements.from(isBig ? flat.map(BigInt) : flat) };
  }
  const bytes = binary.subarray(cursor.at, cursor.at + size);
  cursor.at += size;
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return { ...input, data: new Elements(copy) };
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const path = decodeURIComponent(request.url ?? '');
  const json = (/** @type {unknown} */ content, status = 200) => {
    const text = JSON.stringify(content);
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(text);
  };
  try {
    if (path === '/faults') {
      faults = JSON.parse(body.toString() || '{}');
      return json(faults);
    }
    if (path === '/seen') return json(seen);
    if (faults.unauthorized) throw new Refusal(401, 'a token is needed');
    if (path === '/v2') return json(faults.json ? { ...METADATA, extensions: [] } : METADATA);
    if (path === '/v2/health/live' || path === '/v2/health/ready') return json({});
    if (path === '/v2/custom/echo') {
      response.writeHead(201, { 'Content-Type': 'text/plain', 'X-Method': request.method ?? '' });
      response.write('first ');
      setTimeout(() => response.end(body.toString().toUpperCase()), 20);
      return;
    }
    const [, name = '', , action] = /^\/v2\/models\/([^/]+)(\/versions\/\d+)?(?:\/(\w+))?$/.exec(path) ?? [];
    if (name === '') throw new Refusal(404, 'no such path');
    if (action === undefined) return json(metadataOf(name));
    if (action === 'ready') return json({ name, ready: isReady(name) }, isReady(name) ? 200 : 503);
    if (action !== 'infer') throw new Refusal(404, 'no such path');
    seen.headers = request.headers;
    if (faults.drop) {
      setTimeout(() => request.socket.destroy(), 5);
      return;
    }
    const length = request.headers['inference-header-content-length'];
    if (faults.json && length !== undefined) throw new Refusal(400, 'no binary tensors');
    const head = length === undefined ? body : body.subarray(0, Number(length));
    const asked = JSON.parse(head.toString());
    seen.parameters = asked.parameters ?? {};
    const cursor = { at: 0 };
    const binary = length === undefined ? Buffer.alloc(0) : body.subarray(Number(length));
    const inputs = asked.inputs.map((/** @type {any} */ input) => inputOf(input, binary, cursor));
    const answer = await infer(
      name,
      inputs,
      (asked.outputs ?? []).map((/** @type {any} */ { name }) => name),
    );
    if (faults.lie?.model === name && faults.lie.kind === 'garbage') {
      response
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end('{"outputs":[{"name":"y","shape":[1');
      return;
    }
    const isBinary = (/** @type {string} */ output) =>
      asked.outputs?.find((/** @type {any} */ one) => one.name === output)?.parameters?.binary_data === true;
    const parts = answer
      .filter((output) => isBinary(output.name))
      .map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    const told = Buffer.from(
      JSON.stringify({
        model_name: name,
        model_version: '1',
        outputs: answer.map(({ name, datatype, shape, data }) =>
          isBinary(name)
            ? { name, datatype, shape, parameters: { binary_data_size: data.byteLength } }
            : {
                name,
                datatype,
                shape,
                data: Array.from(data, (value) => (typeof value === 'bigint' ? Number(value) : value)),
              },
        ),
      }),
    );
    if (parts.length === 0) response.writeHead(200, { 'Content-Type': 'application/json' }).end(told);
    else
      response
        .writeHead(200, {
          'Content-Type': 'application/octet-stream',
          'Inference-Header-Content-Length': String(told.length),
        })
        .end(Buffer.concat([told, ...parts]));
  } catch (error) {
    json(
      { error: String(error instanceof Error ? error.message : error) },
      error instanceof Refusal ? error.status : 500,
    );
  }
});

// gRPC.

const PROTO = fileURLToPath(new URL('../../proto/open_inference.proto', import.meta.url));
const definition = protoLoader.loadSync(PROTO, { keepCase: true, longs: Number, defaults: true });
const service = /** @type {any} */ (grpc.loadPackageDefinition(definition)).inference.GRPCInferenceService
  .service;
/** @param {number} status */
const codeOf = (status) => ({ 400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 503: 14 })[status] ?? 13;
/** @param {(request: any, call: any) => any} work @returns {any} */
const rpc = (work) => async (/** @type {any} */ call, /** @type {any} */ respond) => {
  try {
    if (faults.unauthorized) throw new Refusal(401, 'a token is needed');
    respond(null, await work(call.request, call));
  } catch (error) {
    const { message = String(error) } = /** @type {Error} */ (error);
    respond({ code: codeOf(error instanceof Refusal ? error.status : 500), details: message });
  }
};
const grpcServer = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
grpcServer.addService(service, {
  ServerLive: rpc(() => ({ live: true })),
  ServerReady: rpc(() => ({ ready: true })),
  ServerMetadata: rpc(() => METADATA),
  ModelReady: rpc(({ name }) => ({ ready: isReady(name) })),
  ModelMetadata: rpc(({ name }) => metadataOf(name)),
  ModelInfer: rpc(async (request, call) => {
    seen.headers = call.metadata.getMap();
    seen.parameters = request.parameters;
    if (faults.drop) {
      for (const socket of sockets) socket.destroy();
      return {};
    }
    const inputs = request.inputs.map(
      (/** @type {any} */ { name, datatype, shape }, /** @type {number} */ i) => {
        const raw = request.raw_input_contents[i];
        const [, Elements] = ofDatatype(datatype);
        return {
          name,
          datatype,
          shape,
          data: new Elements(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength)),
        };
      },
    );
    const asked = request.outputs.map((/** @type {any} */ { name }) => name);
    const answer = await infer(request.model_name, inputs, asked);
    const isGarbage = faults.lie?.model === request.model_name && faults.lie.kind === 'garbage';
    return {
      model_name: request.model_name,
      model_version: '1',
      outputs: answer.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      raw_output_contents: isGarbage
        ? [Buffer.from([1])]
        : answer.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
    };
  }),
});
// A stream of messages in both directions, each answered at once; "flood N" by N pieces of 64 KiB, as fast as they are taken.
async function flood(/** @type {any} */ call, /** @type {number} */ pieces) {
  for (seen.flooded = 0; seen.flooded < pieces; seen.flooded++)
    if (!call.write(Buffer.alloc(1 << 16))) await new Promise((resolve) => call.once('drain', resolve));
  call.end();
}
const same = (/** @type {Buffer} */ bytes) => bytes;
grpcServer.addService(
  {
    ModelStreamInfer: {
      path: '/inference.GRPCInferenceService/ModelStreamInfer',
      requestStream: true,
      responseStream: true,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  {
    ModelStreamInfer: (/** @type {any} */ call) => {
      call.on('data', (/** @type {Buffer} */ message) => {
        const [, pieces] = /^flood (\d+)$/.exec(`${message}`) ?? [];
        if (pieces === undefined) call.write(Buffer.from(`re: ${message}`));
        else void flood(call, Number(pieces));
      });
      call.on('end', () => seen.flooded === 0 && call.end());
    },
  },
);
/** @type {Set<import('node:net').Socket>} */
const sockets = new Set();
const injector = grpcServer.createConnectionInjector(grpc.ServerCredentials.createInsecure());
const { createServer: createListener } = await import('node:net');
const listener = createListener((socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  injector.injectConnection(socket);
});
await new Promise((resolve) => listener.listen(Number(grpcPort), '127.0.0.1', () => resolve(undefined)));
await new Promise((resolve) => server.listen(Number(httpPort), '127.0.0.1', () => resolve(undefined)));
/** @param {any} address */
const portOf = (address) => address.port;
const ports = { http: portOf(server.address()), grpc: portOf(listener.address()) };
process.stdout.write(`${JSON.stringify(ports)}\n`);
process.on('disconnect', () => process.exit());
