// Every kernel of this machine against the plain sums, over random shapes. No framework: it says what failed and ends with 1.
//
//   kernels-test [shapes per kernel] [seed]
//
// Tensors lie in blocks of exactly their size, so that a sanitizer sees whatever is read or written beyond them.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "../../kernels/kernels.h"
#include "../../kernels/pack.h"

using namespace taustat;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::nanf("");

std::mt19937 random_;
int failures = 0;

int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
bool chance(double share) { return std::uniform_real_distribution<double>()(random_) < share; }
float normal() { return std::normal_distribution<float>()(random_); }

struct Values {
  explicit Values(size_t count) : count(count), at(new float[count]) {}
  size_t count;
  std::unique_ptr<float[]> at;
};

/** Activations of a random density; some are exactly τ, few are not finite. */
Values activations(size_t count, float threshold, bool hasSpecials) {
  Values x(count);
  const double density = chance(0.15) ? 1 : chance(0.15) ? 0.03 : std::uniform_real_distribution<double>()(random_);
  for (size_t i = 0; i < count; i++) {
    x.at[i] = chance(density) ? normal() : chance(0.5) ? 0.0f : -0.0f;
    if (chance(0.02)) x.at[i] = chance(0.5) ? threshold : -threshold;
    if (hasSpecials && chance(0.003)) x.at[i] = chance(0.34) ? kNan : chance(0.5) ? kInfinity : -kInfinity;
  }
  return x;
}

Values weightsOf(size_t count) {
  Values w(count);
  for (size_t i = 0; i < count; i++) w.at[i] = chance(0.05) ? 0.0f : normal();
  return w;
}

float gate(float x, float threshold) { return std::fabs(x) < threshold ? 0 : x; }

struct Sum {
  double value = 0;
  double magnitude = 0;
  void add(float x, float w) {
    const double product = static_cast<double>(x) * w;
    value += product;
    if (std::isfinite(product)) magnitude += std::fabs(product);
  }
  void add(float x) { add(x, 1); }
};

float activate(double y, const Epilogue& epilogue) {
  float z = static_cast<float>(y);
  if (z < epilogue.low) z = epilogue.low;
  if (z > epilogue.high) z = epilogue.high;
  return z;
}

/** Near a step of the epilogue either side is right. */
bool agrees(float got, const Sum& sum, const Epilogue& epilogue) {
  const double slack = 1e-5 * sum.magnitude + 1e-30;
  if (std::isnan(sum.value)) return std::isnan(got);
  const float low = activate(sum.value - slack, epilogue), high = activate(sum.value + slack, epilogue);
  const bool canBeCut = std::fabs(low) < epilogue.threshold || std::fabs(high) < epilogue.threshold;
  const bool canBeKept = std::fabs(low) >= epilogue.threshold || std::fabs(high) >= epilogue.threshold;
  if (canBeCut && got == 0) return true;
  return canBeKept && got >= low && got <= high;
}

void fail(const Kernels& kernels, const char* what, int shape) {
  std::printf("FAILED %s: %s, shape %d\n", kernels.name, what, shape);
  if (++failures > 20) std::exit(1);
}

Epilogue someEpilogue() {
  Epilogue epilogue{-kInfinity, kInfinity, 0, chance(0.5)};
  if (chance(0.5)) epilogue.low = 0;
  if (epilogue.low == 0 && chance(0.3)) epilogue.high = 6;
  if (chance(0.5)) epilogue.threshold = 0.5f * std::fabs(normal());
  return epilogue;
}

void checkMatMul(const Kernels& kernels, int shape) {
  const int rows = chance(0.3) ? 1 : chance(0.1) ? between(120, 300) : between(1, 40);
  const int depth = chance(0.2) ? between(250, 800) : between(1, 200);
  const int columns = chance(0.2) ? between(90, 300) : between(1, 100);
  const float threshold = chance(0.3) ? 0 : std::fabs(normal());
  const bool hasSpecials = chance(0.2), isTransposed = chance(0.5), hasBias = chance(0.5);
  const Values x = activations(static_cast<size_t>(rows) * depth, threshold, hasSpecials);
  const Values w = weightsOf(static_cast<size_t>(depth) * columns), bias = weightsOf(columns);
  Values y(static_cast<size_t>(rows) * columns);
  const auto pack = Pack::ofMatMul(w.at.get(), hasBias ? bias.at.get() : nullptr, depth, columns, isTransposed);
  const MatMul op{&pack->weights(), x.at.get(), y.at.get(), rows, threshold, someEpilogue()};
  Tally tally;
  Scratch scratch;
  const int cut = chance(0.5) ? between(0, rows) : 0;
  const int panelCut = chance(0.3) ? between(0, pack->weights().panels) : 0;
  for (const auto& part : {std::pair<int, int>{0, cut}, {cut, rows}}) {
    if (part.first == part.second) continue;
    kernels.matMul(op, part.first, part.second, 0, panelCut, scratch, tally);
    kernels.matMul(op, part.first, part.second, panelCut, pack->weights().panels, scratch, tally);
  }
  int64_t kept = 0, keptOut = 0;
  for (int m = 0; m < rows; m++)
    for (int k = 0; k < depth; k++) {
      const float a = x.at[m * depth + k];
      kept += !(std::fabs(a) < threshold) && a != 0;
    }
  for (int m = 0; m < rows; m++)
    for (int n = 0; n < columns; n++) {
      Sum sum;
      for (int k = 0; k < depth; k++)
        sum.add(gate(x.at[m * depth + k], threshold), w.at[isTransposed ? n * depth + k : k * columns + n]);
      if (hasBias) sum.add(bias.at[n]);
      const float got = y.at[static_cast<size_t>(m) * columns + n];
      keptOut += got != 0;
      if (!agrees(got, sum, op.epilogue)) return fail(kernels, "matMul", shape);
    }
  if (tally.kept != kept || tally.seen != static_cast<int64_t>(rows) * depth) fail(kernels, "matMul kept", shape);
  if (op.epilogue.isCounted && (tally.keptOut != keptOut || tally.seenOut != static_cast<int64_t>(rows) * columns))
    fail(kernels, "matMul kept after", shape);
}

void checkConv(const Kernels& kernels, int shape) {
  Conv op{};
  op.images = chance(0.2) ? between(3, 9) : between(1, 2);
  op.channels = chance(0.1) ? between(60, 140) : between(1, 40);
  op.height = between(1, 19);
  op.width = between(1, 19);
  const bool isPointwise = chance(0.25);
  op.kernelHeight = isPointwise ? 1 : between(1, 5);
  op.kernelWidth = isPointwise ? 1 : between(1, 5);
  op.strideY = chance(0.6) ? 1 : between(1, 3);
  op.strideX = chance(0.6) ? 1 : between(1, 3);
  op.dilationY = chance(0.8) ? 1 : between(1, 3);
  op.dilationX = chance(0.8) ? 1 : between(1, 3);
  if (!isPointwise || chance(0.2)) {
    op.padTop = between(0, 3);
    op.padLeft = between(0, 3);
    op.padBottom = between(0, 3);
    op.padRight = between(0, 3);
  }
  const int columns = chance(0.2) ? between(90, 200) : between(1, 70);
  if (op.height + op.padTop + op.padBottom < op.dilationY * (op.kernelHeight - 1) + 1) return;
  if (op.width + op.padLeft + op.padRight < op.dilationX * (op.kernelWidth - 1) + 1) return;
  op.isInputBordered = chance(0.5);
  op.isOutputBordered = chance(0.5);
  op.threshold = chance(0.3) ? 0 : std::fabs(normal());
  op.epilogue = someEpilogue();
  const bool hasResidual = chance(0.4), hasBias = chance(0.5), hasSpecials = chance(0.2);
  const Plane in{op.images, op.channels, op.height, op.width};
  const Plane out{op.images, columns, op.outHeight(), op.outWidth()};
  const int H = op.height, W = op.width, C = op.channels, OH = out.height, OW = out.width;
  const size_t inSize = static_cast<size_t>(op.images) * C * H * W, outSize = static_cast<size_t>(op.images) * columns * OH * OW;
  const Values x = activations(inSize, op.threshold, hasSpecials);
  const Values residual = weightsOf(outSize);
  const Values w = weightsOf(static_cast<size_t>(columns) * C * op.kernelHeight * op.kernelWidth), bias = weightsOf(columns);
  Values bx(op.isInputBordered ? in.borderedSize() : 0), by(op.isOutputBordered ? out.borderedSize() : 0),
      bz(op.isOutputBordered ? out.borderedSize() : 0), y(outSize);
  if (op.isInputBordered) kernels.toBordered(in, x.at.get(), bx.at.get());
  if (op.isOutputBordered) kernels.toBordered(out, residual.at.get(), bz.at.get());
  for (size_t i = 0; i < by.count; i++) by.at[i] = kNan;
  const auto pack = Pack::ofConv(w.at.get(), hasBias ? bias.at.get() : nullptr, columns, C, op.kernelHeight, op.kernelWidth);
  op.weights = &pack->weights();
  op.x = op.isInputBordered ? bx.at.get() : x.at.get();
  op.residual = !hasResidual ? nullptr : op.isOutputBordered ? bz.at.get() : residual.at.get();
  op.y = op.isOutputBordered ? by.at.get() : y.at.get();
  Tally tally;
  Scratch scratch;
  const int64_t rows = op.images * OH;
  if (Kernels const& k = kernels; op.images > 0) {
    const int64_t all = k.convRows(op);
    const int64_t cut = chance(0.5) ? between(0, static_cast<int>(all)) : 0;
    k.conv(op, 0, cut, scratch, tally);
    k.conv(op, cut, all, scratch, tally);
  }
  if (op.isOutputBordered) {
    // Borders and channels beyond the last must be 0, whatever came in.
    const int padded = out.paddedChannels();
    for (int64_t row = 0; row < rows; row++)
      for (int p = 0; p < OW + 2; p++)
        for (int c = 0; c < padded; c++)
          if ((p == 0 || p == OW + 1 || c >= columns) && by.at[row * out.rowSize() + static_cast<size_t>(p) * padded + c] != 0)
            return fail(kernels, "conv border", shape);
    kernels.fromBordered(out, by.at.get(), y.at.get());
  }
  int64_t keptOut = 0;
  for (int64_t i = 0; i < op.images; i++)
    for (int n = 0; n < columns; n++)
      for (int oh = 0; oh < OH; oh++)
        for (int ow = 0; ow < OW; ow++) {
          Sum sum;
          for (int c = 0; c < C; c++)
            for (int r = 0; r < op.kernelHeight; r++)
              for (int s = 0; s < op.kernelWidth; s++) {
                const int h = oh * op.strideY - op.padTop + r * op.dilationY, v = ow * op.strideX - op.padLeft + s * op.dilationX;
                if (h < 0 || h >= H || v < 0 || v >= W) continue;
                sum.add(gate(x.at[((i * C + c) * H + h) * W + v], op.threshold),
                        w.at[((static_cast<size_t>(n) * C + c) * op.kernelHeight + r) * op.kernelWidth + s]);
              }
          if (hasBias) sum.add(bias.at[n]);
          const size_t at = ((static_cast<size_t>(i) * columns + n) * OH + oh) * OW + ow;
          if (hasResidual) sum.add(residual.at[at]);
          keptOut += y.at[at] != 0;
          if (!agrees(y.at[at], sum, op.epilogue)) return fail(kernels, "conv", shape);
        }
  if (op.epilogue.isCounted && (tally.keptOut != keptOut || tally.seenOut != static_cast<int64_t>(outSize)))
    fail(kernels, "conv kept after", shape);
  // Every element of a row that some output row reads is seen once.
  int64_t kept = 0, seen = 0;
  for (int64_t i = 0; i < op.images; i++)
    for (int h = 0; h < H; h++) {
      bool isRead = false;
      for (int oh = 0; oh < OH; oh++)
        for (int r = 0; r < op.kernelHeight; r++) isRead |= oh * op.strideY - op.padTop + r * op.dilationY == h;
      if (!isRead) continue;
      for (int c = 0; c < C; c++)
        for (int v = 0; v < W; v++, seen++) {
          const float a = x.at[((i * C + c) * H + h) * W + v];
          kept += !(std::fabs(a) < op.threshold) && a != 0;
        }
    }
  if (tally.kept != kept || tally.seen != seen) fail(kernels, "conv kept", shape);
  if (tally.multiplied > tally.multiplications) fail(kernels, "conv multiplications", shape);
}

void checkPool(const Kernels& kernels, int shape) {
  const int kernel = between(1, 3), stride = between(1, 3);
  const Plane in{between(1, 2), between(1, 40), between(kernel, 12), between(kernel, 12)};
  const Plane out{in.images, in.channels, (in.height - kernel) / stride + 1, (in.width - kernel) / stride + 1};
  const Values x = activations(static_cast<size_t>(in.images) * in.channels * in.height * in.width, 0, false);
  Values bx(in.borderedSize()), by(out.borderedSize()), y(static_cast<size_t>(out.images) * out.channels * out.height * out.width);
  kernels.toBordered(in, x.at.get(), bx.at.get());
  kernels.maxPoolBordered(in, bx.at.get(), out, by.at.get(), kernel, stride);
  kernels.fromBordered(out, by.at.get(), y.at.get());
  size_t at = 0;
  for (int64_t plane = 0; plane < in.images * in.channels; plane++)
    for (int h = 0; h < out.height; h++)
      for (int w = 0; w < out.width; w++, at++) {
        float most = -kInfinity;
        for (int i = 0; i < kernel; i++)
          for (int j = 0; j < kernel; j++)
            most = std::fmax(most, x.at[(plane * in.height + h * stride + i) * in.width + w * stride + j]);
        if (y.at[at] != most) return fail(kernels, "maxPool", shape);
      }
}

void checkHistogram(const Kernels& kernels, int shape) {
  const Values x = activations(between(0, 5000), 0.5f, chance(0.5));
  for (size_t i = 0; i < x.count; i++)
    if (chance(0.05)) x.at[i] *= 1e-39f;
  std::vector<uint64_t> cells(kHistogramBins * kHistogramLanes), expected(kHistogramBins);
  int first, last, lowest = kHistogramBins, highest = 0;
  kernels.histogram(x.at.get(), static_cast<int64_t>(x.count), cells.data(), first, last);
  for (size_t i = 0; i < x.count; i++) {
    uint32_t bits;
    std::memcpy(&bits, x.at.get() + i, 4);
    bits &= 0x7fffffff;
    const int bin = static_cast<int>(bits >> 17);
    expected[bin] += (uint64_t{1} << 40) | (bits & 0x1ffff);
    if (bin > 0 && bin < lowest) lowest = bin;
    if (bin > highest) highest = bin;
  }
  // Residuals of bin 0 don't count: it holds zeros.
  for (int bin = 0; bin < kHistogramBins; bin++) {
    uint64_t got = 0;
    for (int lane = 0; lane < kHistogramLanes; lane++) got += cells[bin * kHistogramLanes + lane];
    if (bin == 0 ? got >> 40 != expected[0] >> 40 : got != expected[bin]) return fail(kernels, "histogram", shape);
  }
  if (highest > 0 && (first != lowest || last != highest)) fail(kernels, "histogram window", shape);
}

}  // namespace

int main(int count, char** arguments) {
  const int shapes = count > 1 ? std::atoi(arguments[1]) : 500;
  const unsigned seed = count > 2 ? static_cast<unsigned>(std::atoi(arguments[2])) : 1;
  const KernelList list = all();
  int tested = 0;
  for (int i = 0; i < list.count; i++) {
    const Kernels& kernels = *list.begin[i];
    if (!isSupported(kernels)) {
      std::printf("%s: not on this machine\n", kernels.name);
      continue;
    }
    tested++;
    for (int shape = 0; shape < shapes; shape++) {
      random_.seed(seed * 1000003u + static_cast<unsigned>(shape));
      checkMatMul(kernels, shape);
      checkConv(kernels, shape);
      checkPool(kernels, shape);
      checkHistogram(kernels, shape);
    }
    std::printf("%s: %d shapes\n", kernels.name, shapes);
  }
  if (failures > 0) std::printf("%d failures\n", failures);
  return failures > 0 || tested == 0;
}
