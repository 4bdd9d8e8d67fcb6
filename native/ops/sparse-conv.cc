#include "sparse-conv.h"

#include <algorithm>

namespace taustat {
namespace {

bool isBordered(const Attributes& attributes, const char* name) {
  const std::string layout = attributes.text(name, "nchw");
  if (layout != "nchw" && layout != "bordered") attributes.refuse(std::string(name) + " '" + layout + "', expected nchw or bordered");
  return layout == "bordered";
}

}  // namespace

SparseConv::SparseConv(const Attributes& attributes, const Environment& environment)
    : environment_(environment), gate_(attributes, environment) {
  const ort::Value* w = attributes.constant(1);
  const ort::Value* bias = attributes.constant(2);
  if (w == nullptr) attributes.refuse("W is not constant");
  const std::vector<int64_t> dims = ort::shapeOf(w).dims;
  if (dims.size() != 4) attributes.refuse("W has " + std::to_string(dims.size()) + " dimensions, not 4");
  for (const int64_t dim : dims)
    if (dim < 1 || dim > 1 << 20) attributes.refuse("W is empty or too large");
  const std::vector<int64_t> strides = attributes.integers("strides", {1, 1});
  const std::vector<int64_t> pads = attributes.integers("pads", {0, 0, 0, 0});
  const std::vector<int64_t> dilations = attributes.integers("dilations", {1, 1});
  for (const int64_t value : {strides[0], strides[1], dilations[0], dilations[1]})
    if (value < 1 || value > 1 << 20) attributes.refuse("strides and dilations must be positive");
  for (const int64_t pad : pads)
    if (pad < 0 || pad > 1 << 20) attributes.refuse("pads must not be negative");
  shape_.channels = static_cast<int>(dims[1]);
  shape_.kernelHeight = static_cast<int>(dims[2]);
  shape_.kernelWidth = static_cast<int>(dims[3]);
  shape_.strideY = static_cast<int>(strides[0]);
  shape_.strideX = static_cast<int>(strides[1]);
  shape_.padTop = static_cast<int>(pads[0]);
  shape_.padLeft = static_cast<int>(pads[1]);
  shape_.padBottom = static_cast<int>(pads[2]);
  shape_.padRight = static_cast<int>(pads[3]);
  shape_.dilationY = static_cast<int>(dilations[0]);
  shape_.dilationX = static_cast<int>(dilations[1]);
  shape_.isInputBordered = isBordered(attributes, "input_layout");
  shape_.isOutputBordered = isBordered(attributes, "output_layout");
  if (bias != nullptr && ort::shapeOf(bias).count() != dims[0]) attributes.refuse("B does not have one entry per output channel");
  hasBias_ = bias != nullptr;
  pack_ = Pack::ofConv(ort::floats(w), bias == nullptr ? nullptr : ort::floats(bias), static_cast<int>(dims[0]), shape_.channels,
                       shape_.kernelHeight, shape_.kernelWidth);
}

void SparseConv::compute(Run& run) const {
  const ort::Value* x = run.input(0);
  const Thresholds thresholds(run.input(3));
  if (!hasBias_ && run.input(2) != nullptr) throw std::invalid_argument("B is not constant");
  const ort::Value* residual = run.input(4);
  const std::vector<int64_t> dims = ort::shapeOf(x).dims;
  if (dims.size() != 4) throw std::invalid_argument("X has " + std::to_string(dims.size()) + " dimensions, not 4");
  Conv op = shape_;
  op.weights = &pack_->weights();
  op.images = dims[0];
  op.height = static_cast<int>(op.isInputBordered ? dims[1] : dims[2]);
  op.width = static_cast<int>(op.isInputBordered ? dims[2] - 2 : dims[3]);
  const int64_t channels = op.isInputBordered ? dims[3] : dims[1];
  const int64_t expected = op.isInputBordered ? roundUp(op.channels, kColumnUnit) : op.channels;
  if (channels != expected)
    throw std::invalid_argument("X has " + std::to_string(channels) + " channels, W needs " + std::to_string(expected));
  const int64_t height = static_cast<int64_t>(op.height) + op.padTop + op.padBottom;
  const int64_t width = static_cast<int64_t>(op.width) + op.padLeft + op.padRight;
  if (height < static_cast<int64_t>(op.dilationY) * (op.kernelHeight - 1) + 1 ||
      width < static_cast<int64_t>(op.dilationX) * (op.kernelWidth - 1) + 1)
    throw std::invalid_argument("X is smaller than the kernel");
  const Plane out{op.images, op.weights->columns, op.outHeight(), op.outWidth()};
  const std::vector<int64_t> outDims =
      op.isOutputBordered ? std::vector<int64_t>{out.images, out.height, out.width + 2, out.paddedChannels()}
                          : std::vector<int64_t>{out.images, out.channels, out.height, out.width};
  if (residual != nullptr && ort::shapeOf(residual).dims != outDims) throw std::invalid_argument("Z does not have the shape of Y");
  op.x = ort::floats(x);
  op.residual = residual == nullptr ? nullptr : ort::floats(residual);
  op.y = static_cast<float*>(run.output(outDims));
  if (op.images == 0 || op.width == 0 || op.height == 0) {
    // Only padding, if anything: the rewriter leaves such to ONNX Runtime, a batch of none ends here.
    if (op.images == 0) return;
    throw std::invalid_argument("X is empty");
  }
  const int64_t imageIn = ort::shapeOf(x).count() / op.images;
  int64_t imageOut = 1;
  for (size_t i = 1; i < outDims.size(); i++) imageOut *= outDims[i];
  gate_.perStretch(thresholds, op.images, [&](int64_t begin, int64_t end) {
    Conv stretch = op;
    stretch.images = end - begin;
    stretch.x += begin * imageIn;
    stretch.y += begin * imageOut;
    if (stretch.residual != nullptr) stretch.residual += begin * imageOut;
    stretch.threshold = gate_.inputThreshold(thresholds, begin);
    stretch.epilogue = gate_.epilogue(thresholds, begin);
    convolve(run, stretch);
  });
}

void SparseConv::convolve(const Run& run, const Conv& op) const {
  const int64_t rows = environment_.kernels->convRows(op);
  const int tasks = static_cast<int>(std::min<int64_t>(environment_.threads, rows));
  std::vector<Tally> tallies(static_cast<size_t>(tasks));
  run.parallel(tasks, [&](int i) {
    environment_.kernels->conv(op, rows * i / tasks, rows * (i + 1) / tasks, Scratch::ofThisThread(), tallies[static_cast<size_t>(i)]);
  });
  gate_.count(tallies);
}

}  // namespace taustat
