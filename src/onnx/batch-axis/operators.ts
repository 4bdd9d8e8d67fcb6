/** What operators are, as far as the rows of a batch are concerned. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Each element of the output depends on one element of each input, broadcast. */
export const ELEMENTWISE =
  words(`Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr
  BitwiseXor Cast CastLike Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid
  HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal
  Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor
  Affine ParametricSoftplus ScaledTanh com.microsoft.Gelu com.microsoft.BiasGelu com.microsoft.FastGelu
  com.microsoft.QuickGelu`);

/** [rows, channels, …] in and out, the other inputs being weights. */
export const IMAGE_LAYERS = words(`Conv ConvTranspose ConvInteger AveragePool MaxPool LpPool GlobalAveragePool
  GlobalMaxPool GlobalLpPool LRN DepthToSpace SpaceToDepth InstanceNormalization GroupNormalization BatchNormalization
  com.microsoft.FusedConv`);

export const NORMALIZATIONS = words(`LayerNormalization RMSNormalization SimplifiedLayerNormalization
  com.microsoft.SimplifiedLayerNormalization`);

export const SKIP_NORMALIZATIONS = words(`com.microsoft.SkipLayerNormalization
  com.microsoft.SkipSimplifiedLayerNormalization`);

export const SOFTMAXES = words('Softmax LogSoftmax Hardmax');

export const PRODUCTS = words('MatMul MatMulInteger com.microsoft.FusedMatMul');

export const RECURRENT = words('LSTM GRU RNN');

/** Why operators that read a batch are never batched, whatever their attributes are. */
export const MEETING: ReadonlyMap<string, string> = new Map([
  ['DynamicQuantizeLinear', 'one scale for all rows'],
  ['com.microsoft.DynamicQuantizeMatMul', 'one scale for all rows'],
  ['Unique', 'duplicates are looked for among all rows'],
  ['NonZero', 'what is found is counted over all rows'],
  ['Compress', 'what is kept is counted over all rows'],
  ['NonMaxSuppression', 'what is found is counted over all rows'],
  ['RandomNormal', 'random numbers'],
  ['RandomNormalLike', 'random numbers'],
  ['RandomUniform', 'random numbers'],
  ['RandomUniformLike', 'random numbers'],
  ['Bernoulli', 'random numbers'],
  ['Multinomial', 'random numbers'],
]);
