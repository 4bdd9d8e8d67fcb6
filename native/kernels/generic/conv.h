// A convolution is the same product as a matrix's: the S taps of a kernel row are S · C floats side by side in a row of
// channels last, so that a group of output pixels of a row has one list per row of the input, which all R kernel rows and all
// panels use again.
//
// Rows of the input are brought to channels last in a ring, unless they come bordered. Rows above and below the image are left out.
#pragma once
#include "layout.h"
#include "matmul.h"

namespace taustat {
namespace {

/** Groups per block of output rows: more where the weights are large, since every block reads them all. */
inline int convGroups(const Weights& weights) {
  const size_t groups = weights.bytes() >> 14;
  return groups < 16 ? 16 : groups > 128 ? 128 : static_cast<int>(groups);
}

/** One stretch of floats in a row of the input, and the rows of weights that belong to it. */
struct Segment {
  int offset;
  int depth;
};

/** What of the shape the loops need, worked out once per call. */
struct Geometry {
  int channels, padded;
  int height, width;
  int outHeight, outWidth;
  /** Pixels of an image in NCHW; the last row of a flattened one is shorter. */
  int64_t pixels, outPixels;
  bool isCopied;
  int padLeft, rowWidth;
  size_t rowSize;
  int groups;
  int segments, blocksPerSegment, segmentDepth, blockDepth;

  Geometry(const Conv& op, int tileRows, int blockDepthOfSegment(const Weights&, int)) {
    channels = op.channels;
    padded = static_cast<int>(roundUp(channels, kColumnUnit));
    height = op.height;
    width = op.width;
    outHeight = op.outHeight();
    outWidth = op.outWidth();
    pixels = static_cast<int64_t>(height) * width;
    outPixels = static_cast<int64_t>(outHeight) * outWidth;
    padLeft = op.padLeft;
    if (isPointwise(op)) flatten(tileRows);
    isCopied = !op.isInputBordered || op.padLeft > 1 || op.padRight > 1;
    rowWidth = isCopied ? width + op.padLeft + op.padRight : width + 2;
    rowSize = static_cast<size_t>(rowWidth) * padded;
    groups = (outWidth + tileRows - 1) / tileRows;
    segments = op.dilationX == 1 ? 1 : op.kernelWidth;
    segmentDepth = op.dilationX == 1 ? op.kernelWidth * padded : padded;
    blockDepth = blockDepthOfSegment(*op.weights, segmentDepth);
    blocksPerSegment = (segmentDepth + blockDepth - 1) / blockDepth;
  }

  static bool isPointwise(const Conv& op) {
    return !op.isInputBordered && !op.isOutputBordered && op.kernelHeight == 1 && op.kernelWidth == 1 && op.strideY == 1 &&
           op.strideX == 1 && op.padTop == 0 && op.padLeft == 0 && op.padBottom == 0 && op.padRight == 0;
  }
  /** Pixels of a pointwise convolution don't know their neighbours: rows of about 64, all but the last a multiple of a group. */
  void flatten(int tileRows) {
    const int64_t rows = (pixels + 63) / 64;
    width = outWidth = static_cast<int>(roundUp((pixels + rows - 1) / rows, tileRows));
    height = outHeight = static_cast<int>((pixels + width - 1) / width);
  }
  /** Floats of a row that output pixels read; a row of bits has room for what is written beyond its end. */
  size_t readSize(const Conv& op) const { return static_cast<size_t>(op.padLeft + width + op.padRight) * padded; }
  size_t bitsSize() const { return rowSize / 8 + 16; }
  int blocks() const { return segments * blocksPerSegment; }
  Segment block(const Conv& op, int b) const {
    const int segment = b / blocksPerSegment;
    const int begin = b % blocksPerSegment * blockDepth;
    return {segment * op.dilationX * padded + begin, segmentDepth - begin < blockDepth ? segmentDepth - begin : blockDepth};
  }
  int weightRow(int b) const { return b / blocksPerSegment * segmentDepth + b % blocksPerSegment * blockDepth; }
  /** Output pixels of a row. */
  int outPixelsOf(int row) const {
    const int64_t left = outPixels - static_cast<int64_t>(row) * outWidth;
    return left < outWidth ? static_cast<int>(left) : outWidth;
  }
  /** Row of the input, of that image, that kernel row r reads for an output row; may lie outside. */
  int inputRow(const Conv& op, int outRow, int r) const { return outRow * op.strideY - op.padTop + r * op.dilationY; }
};

template <typename V>
class ConvPass {
 public:
  ConvPass(const Conv& op, int64_t rowBegin, int64_t rowEnd, Scratch& scratch)
      : op_(op), weights_(*op.weights), g_(op, V::tileRows, blockDepthOf<V>), rowBegin_(rowBegin), rowEnd_(rowEnd), threshold_(V::broadcast(op.threshold)) {
    blockRows_ = (convGroups(weights_) + g_.groups - 1) / g_.groups;
    if (blockRows_ > rowEnd - rowBegin) blockRows_ = static_cast<int>(rowEnd - rowBegin);
    ringRows_ = 1;
    for (int64_t row = rowBegin; row < rowEnd; row += blockRows_) {
      const int64_t span = lastNeeded(blockEnd(row)) - firstNeeded(row) + 1;
      if (span > ringRows_) ringRows_ = static_cast<int>(span);
    }
    const size_t listCount = static_cast<size_t>(ringRows_) * g_.groups * g_.blocks();
    lists_ = static_cast<List*>(scratch.reserve(0, sizeof(List) * listCount));
    sums_ = static_cast<float*>(scratch.reserve(1, sizeof(float) * blockRows_ * g_.groups * V::tileRows * kPanelColumns));
    bits_ = static_cast<uint8_t*>(scratch.reserve(3, ringRows_ * g_.bitsSize()));
    if (g_.isCopied) {
      ring_ = static_cast<float*>(scratch.reserve(2, sizeof(float) * ringRows_ * g_.rowSize));
      clearBorders();
    }
  }

  void run(Tally& tally) {
    int64_t next = firstNeeded(rowBegin_);
    for (int64_t row = rowBegin_; row < rowEnd_; row += blockRows_) {
      const int64_t end = blockEnd(row);
      const int64_t first = firstNeeded(row);
      const int64_t needed = lastNeeded(end) + 1;
      if (next < first) next = first;
      if (next < needed) {
        if (g_.isCopied) copyRows(next, needed);
        for (; next < needed; next++) listRow(next, tally);
      }
      if (op_.isOutputBordered) clearBorder(row, end);
      for (int panel = 0; panel < weights_.panels; panel++) {
        const Tiles tiles(weights_.width(panel), V::lanes, V::tileVectors);
        int column = weights_.panelBegin[panel];
        for (int tile = 0; tile < tiles.count; column += tiles.of(tile++) * V::lanes) {
          const int width = tiles.of(tile) * V::lanes;
          addTile(row, end, panel, column, width);
          if (op_.isOutputBordered) storeBordered(row, end, column, width);
          else storePlanes(row, end, column, width);
        }
      }
      if (op_.epilogue.isCounted) countOutput(row, end, tally);
    }
  }

 private:
  int64_t blockEnd(int64_t row) const { return row + blockRows_ < rowEnd_ ? row + blockRows_ : rowEnd_; }
  /** Rows of the input are numbered over all images. */
  int64_t firstNeeded(int64_t outRow) const {
    int row = g_.inputRow(op_, static_cast<int>(outRow % g_.outHeight), 0);
    row = row < 0 ? 0 : row > g_.height ? g_.height : row;
    return outRow / g_.outHeight * g_.height + row;
  }
  /** Last row that the output rows before `outEnd` need. */
  int64_t lastNeeded(int64_t outEnd) const {
    int row = g_.inputRow(op_, static_cast<int>((outEnd - 1) % g_.outHeight), op_.kernelHeight - 1);
    row = row >= g_.height ? g_.height - 1 : row < -1 ? -1 : row;
    return (outEnd - 1) / g_.outHeight * g_.height + row;
  }

  const float* rowAt(int64_t row) const {
    if (g_.isCopied) return ring_ + static_cast<size_t>(row % ringRows_) * g_.rowSize;
    return op_.x + static_cast<size_t>(row) * g_.rowSize + static_cast<size_t>(1 - g_.padLeft) * g_.padded;
  }
  uint8_t* bitsOf(int64_t row) const { return bits_ + static_cast<size_t>(row % ringRows_) * g_.bitsSize(); }
  List* listsAt(int64_t row) const { return lists_ + static_cast<size_t>(row % ringRows_) * g_.groups * g_.blocks(); }

  void clearBorders() {
    const int right = g_.rowWidth - g_.padLeft - g_.width;
    for (int i = 0; i < ringRows_; i++) {
      float* row = ring_ + i * g_.rowSize;
      setZero<V>(row, static_cast<size_t>(g_.padLeft) * g_.padded);
      setZero<V>(row + static_cast<size_t>(g_.padLeft + g_.width) * g_.padded, static_cast<size_t>(right) * g_.padded);
    }
  }

  /** Brings rows [begin, end) into the ring, image by image. */
  void copyRows(int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t image = begin / g_.height;
      const int64_t stop = (image + 1) * g_.height < end ? (image + 1) * g_.height : end;
      float* to = ring_ + static_cast<size_t>(g_.padLeft) * g_.padded;
      if (op_.isInputBordered) {
        for (int64_t row = begin; row < stop; row++) {
          const float* from = op_.x + static_cast<size_t>(row) * (g_.width + 2) * g_.padded + g_.padded;
          float* at = to + static_cast<size_t>(row % ringRows_) * g_.rowSize;
          for (size_t i = 0; i < static_cast<size_t>(g_.width) * g_.padded; i += V::lanes) V::load(from + i).store(at + i);
        }
      } else {
        const int64_t first = (begin - image * g_.height) * g_.width;
        const int64_t last = (stop - image * g_.height) * g_.width;
        const PixelWalk walk{to, g_.rowSize, g_.padded, g_.width, ringRows_, static_cast<int>(begin % ringRows_)};
        toChannelsLast<V>(op_.x + static_cast<size_t>(image) * g_.channels * g_.pixels, g_.pixels, g_.channels, first,
                          last < g_.pixels ? last : g_.pixels, walk);
      }
      begin = stop;
    }
  }

  /** Lists a row, and counts it: its elements if this call is the first to read it, its multiplications for this call's rows. */
  void listRow(int64_t row, Tally& tally) {
    const int64_t image = row / g_.height;
    const int inRow = static_cast<int>(row % g_.height);
    int uses = 0;
    bool isUsed = false, isOwn = false;
    for (int r = op_.kernelHeight - 1; r >= 0; r--) {
      const int shifted = inRow + op_.padTop - r * op_.dilationY;
      if (shifted < 0 || shifted % op_.strideY != 0 || shifted / op_.strideY >= g_.outHeight) continue;
      const int64_t outRow = image * g_.outHeight + shifted / op_.strideY;
      const bool isMine = outRow >= rowBegin_ && outRow < rowEnd_;
      if (!isUsed) isOwn = isMine;
      isUsed = true;
      uses += isMine;
    }
    if (uses == 0) return;
    uint8_t* bits = bitsOf(row);
    setBits<V>(rowAt(row), g_.readSize(op_), threshold_, bits);
    List* list = listsAt(row);
    const size_t stride = static_cast<size_t>(op_.strideX) * g_.padded;
    const int outPixels = op_.kernelHeight == 1 && op_.kernelWidth == 1 ? g_.outPixelsOf(shiftedRow(inRow)) : g_.outWidth;
    int64_t kept = 0;
    for (int q = 0; q < g_.groups; q++)
      for (int b = 0; b < g_.blocks(); b++) {
        const Segment segment = g_.block(op_, b);
        const int left = outPixels - V::tileRows * q;
        const int pixels = left < 0 ? 0 : left < V::tileRows ? left : V::tileRows;
        kept += listBits<V>(bits, V::tileRows * q * stride + segment.offset, stride, pixels, segment.depth, *list++);
      }
    tally.multiplied += kept * uses * weights_.columns;
    tally.multiplications += static_cast<int64_t>(outPixels) * op_.kernelWidth * g_.channels * uses * weights_.columns;
    if (!isOwn) return;
    const int rowPixels = pixelsOf(inRow);
    const size_t begin = static_cast<size_t>(g_.padLeft) * g_.padded, end = begin + static_cast<size_t>(rowPixels) * g_.padded;
    for (size_t at = begin; at < end; at += 64) tally.kept += V::ones(bitsAt(bits, at, end - at < 64 ? static_cast<int>(end - at) : 64));
    tally.seen += static_cast<int64_t>(rowPixels) * g_.channels;
  }
  int shiftedRow(int inRow) const { return (inRow + op_.padTop) / op_.strideY; }
  /** Pixels of an input row; the last of a flattened image is shorter. */
  int pixelsOf(int inRow) const {
    const int64_t left = g_.pixels - static_cast<int64_t>(inRow) * g_.width;
    return left < g_.width ? static_cast<int>(left) : g_.width;
  }

  /** Sums [output row][group][tileRows][width] of the columns from `column` on. */
  void addTile(int64_t begin, int64_t end, int panel, int column, int width) {
    const int panelWidth = weights_.width(panel);
    const size_t groupSize = static_cast<size_t>(V::tileRows) * width;
    setBias<V>(weights_.bias + column, width, static_cast<size_t>(end - begin) * g_.groups * V::tileRows, sums_);
    const Add add = kGroups<V>.of[width / V::lanes - 1];
    const size_t stride = static_cast<size_t>(op_.strideX) * g_.padded;
    const size_t kernelRow = static_cast<size_t>(op_.kernelWidth) * g_.padded;
    const bool isFirst = column == weights_.panelBegin[panel];
    for (int r = 0; r < op_.kernelHeight; r++)
      for (int b = 0; b < g_.blocks(); b++) {
        const float* w = weights_.panel(panel) + (r * kernelRow + g_.weightRow(b)) * panelWidth;
        const Segment segment = g_.block(op_, b);
        const size_t blockSize = static_cast<size_t>(segment.depth) * panelWidth;
        Prefetch prefetch(weights_, w + blockSize, isFirst ? blockSize * sizeof(float) : 0, (end - begin) * g_.groups);
        w += column - weights_.panelBegin[panel];
        for (int64_t outRow = begin; outRow < end; outRow++) {
          const int inRow = g_.inputRow(op_, static_cast<int>(outRow % g_.outHeight), r);
          if (inRow < 0 || inRow >= g_.height) continue;
          const int64_t row = outRow / g_.outHeight * g_.height + inRow;
          const float* x = rowAt(row) + segment.offset;
          const List* list = listsAt(row) + b;
          float* sums = sums_ + static_cast<size_t>(outRow - begin) * g_.groups * groupSize;
          for (int q = 0; q < g_.groups; q++, prefetch.step())
            add(list[static_cast<size_t>(q) * g_.blocks()], x + V::tileRows * q * stride, stride, w, static_cast<size_t>(panelWidth),
                sums + q * groupSize);
        }
      }
  }

  void storePlanes(int64_t begin, int64_t end, int column, int width) {
    const int columnEnd = column + width < weights_.columns ? column + width : weights_.columns;
    const V low = V::broadcast(op_.epilogue.low), high = V::broadcast(op_.epilogue.high);
    const V threshold = V::broadcast(op_.epilogue.threshold);
    for (int64_t row = begin; row < end;) {
      const int64_t image = row / g_.outHeight;
      const int64_t stop = (image + 1) * g_.outHeight < end ? (image + 1) * g_.outHeight : end;
      const size_t rowSize = static_cast<size_t>(g_.groups) * V::tileRows * width;
      const PixelWalk walk{sums_ + (row - begin) * rowSize, rowSize, width, g_.outWidth, static_cast<int>(stop - row), 0};
      const int64_t first = (row - image * g_.outHeight) * g_.outWidth;
      const int64_t last = (stop - image * g_.outHeight) * g_.outWidth;
      const size_t at = static_cast<size_t>(image) * weights_.columns * g_.outPixels;
      float* y = op_.y + at;
      const float* residual = op_.residual == nullptr ? nullptr : op_.residual + at;
      toPlanes<V>(walk, column, columnEnd, y, static_cast<size_t>(g_.outPixels), first, last < g_.outPixels ? last : g_.outPixels,
                  [&](V sum, const float* to, int pixels) {
                    if (residual != nullptr) {
                      const float* from = residual + (to - y);
                      sum = sum + (pixels == V::lanes ? V::load(from) : V::loadFirst(from, pixels));
                    }
                    return finish(sum, low, high, threshold);
                  });
      row = stop;
    }
  }

  Plane outPlane() const { return {op_.images, weights_.columns, g_.outHeight, g_.outWidth}; }

  void clearBorder(int64_t begin, int64_t end) {
    const Plane plane = outPlane();
    for (int64_t row = begin; row < end; row++) setBorder<V>(plane, op_.y + static_cast<size_t>(row) * plane.rowSize());
  }

  void storeBordered(int64_t begin, int64_t end, int column, int width) {
    const Plane plane = outPlane();
    const int padded = weights_.paddedColumns;
    const V low = V::broadcast(op_.epilogue.low), high = V::broadcast(op_.epilogue.high);
    const V threshold = V::broadcast(op_.epilogue.threshold);
    for (int64_t row = begin; row < end; row++) {
      const size_t at = static_cast<size_t>(row) * plane.rowSize() + static_cast<size_t>(padded) + column;
      float* y = op_.y + at;
      const float* residual = op_.residual == nullptr ? nullptr : op_.residual + at;
      const float* sums = sums_ + static_cast<size_t>(row - begin) * g_.groups * V::tileRows * width;
      for (int p = 0; p < g_.outWidth; p++)
        for (int j = 0; j < width; j += V::lanes) {
          V sum = V::load(sums + static_cast<size_t>(p) * width + j);
          if (residual != nullptr) sum = sum + V::load(residual + static_cast<size_t>(p) * padded + j);
          finish(sum, low, high, threshold).store(y + static_cast<size_t>(p) * padded + j);
        }
      // Infinity times a padded weight is NaN: no such may reach the next convolution.
      if (column + width > weights_.columns)
        for (int p = 0; p < g_.outWidth; p++)
          for (int c = weights_.columns > column ? weights_.columns - column : 0; c < width; c++) y[static_cast<size_t>(p) * padded + c] = 0;
    }
  }

  /** What of the output rows is not 0, while they are in the cache. */
  void countOutput(int64_t begin, int64_t end, Tally& tally) {
    const V none = V::broadcast(0);
    if (op_.isOutputBordered) {
      const Plane plane{op_.images, weights_.columns, g_.outHeight, g_.outWidth};
      tally.keptOut += countKept<V>(op_.y + begin * plane.rowSize(), static_cast<size_t>(end - begin) * plane.rowSize(), none);
      tally.seenOut += (end - begin) * g_.outWidth * weights_.columns;
      return;
    }
    for (int64_t row = begin; row < end; row++) {
      const int outRow = static_cast<int>(row % g_.outHeight);
      const int pixels = g_.outPixelsOf(outRow);
      const float* y = op_.y + static_cast<size_t>(row / g_.outHeight) * weights_.columns * g_.outPixels +
                       static_cast<size_t>(outRow) * g_.outWidth;
      for (int c = 0; c < weights_.columns; c++) tally.keptOut += countKept<V>(y + c * g_.outPixels, pixels, none);
      tally.seenOut += static_cast<int64_t>(pixels) * weights_.columns;
    }
  }

  const Conv& op_;
  const Weights& weights_;
  const Geometry g_;
  const int64_t rowBegin_, rowEnd_;
  const V threshold_;
  int blockRows_, ringRows_;
  List* lists_;
  float* sums_;
  uint8_t* bits_;
  float* ring_ = nullptr;
};

template <typename V>
int64_t convRows(const Conv& op) {
  return op.images * Geometry(op, V::tileRows, blockDepthOf<V>).outHeight;
}

template <typename V>
void conv(const Conv& op, int64_t rowBegin, int64_t rowEnd, Scratch& scratch, Tally& tally) {
  if (rowBegin < rowEnd) ConvPass<V>(op, rowBegin, rowEnd, scratch).run(tally);
}

}  // namespace
}  // namespace taustat
