process.env.ORT_DISABLE_TELEMETRY = '1';

/** The native library, loaded only once its telemetry is off. */
export const ort = await import('onnxruntime-node');
