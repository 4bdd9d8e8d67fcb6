// What a kernel is: the interface between the operators, which are compiled for any machine, and one translation unit per
// instruction set. Every set offers the same functions; `all()` is the list that the choice, the tests and the benchmark share.
//
// Names: `rows` × `depth` · `depth` × `columns`. A *panel* is some columns, a *group* the three or four rows
// that share each load of the weights, a *block* up to 256 of the depth. Sizes count floats unless a name says bytes.
#pragma once
#include <cstddef>
#include <cstdint>

namespace taustat {

/** Columns of weights are padded to a multiple of this, and so are the channels of a bordered tensor. */
constexpr int kColumnUnit = 16;
/** Widest panel. Four rows of it fit into 24 registers of 512 bits. */
constexpr int kPanelColumns = 96;
/** Indices inside a block are bytes. */
constexpr int kBlockDepth = 256;

/** Functions of this header are inlined everywhere: a copy compiled for one instruction set must not end up in code for all. */
#define TAUSTAT_INLINE inline __attribute__((always_inline))

TAUSTAT_INLINE constexpr int64_t roundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/** Memory of one thread, reused from run to run. It grows to what the largest operator needs, which does not depend on the batch. */
class Scratch {
 public:
  static constexpr int kSlots = 4;
  ~Scratch();
  /** At least `bytes` in slot `slot`, aligned to 64. Content is lost when it grows. @throws std::bad_alloc */
  void* reserve(int slot, size_t bytes);
  static Scratch& ofThisThread();

 private:
  void* at_[kSlots] = {};
  size_t bytes_[kSlots] = {};
};

/**
 * Weights [depth, columns], packed: panel after panel, each [depth, width] row by row. Independent of the instruction set, so
 * that one pack serves every session of a process.
 */
struct Weights {
  int depth = 0;
  int columns = 0;
  int paddedColumns = 0;
  int panels = 0;
  /** First column of each panel, and the end: `panels + 1` entries. */
  const int* panelBegin = nullptr;
  const float* values = nullptr;
  /** `paddedColumns` floats; zeros where there is no bias. */
  const float* bias = nullptr;

  TAUSTAT_INLINE int width(int panel) const { return panelBegin[panel + 1] - panelBegin[panel]; }
  TAUSTAT_INLINE const float* panel(int panel) const { return values + static_cast<size_t>(panelBegin[panel]) * depth; }
  TAUSTAT_INLINE size_t bytes() const { return static_cast<size_t>(depth) * paddedColumns * sizeof(float); }
};

/** What becomes of a sum: y = clip(sum + bias + residual, low, high), then 0 where |y| < threshold. NaN passes both. */
struct Epilogue {
  float low;
  float high;
  float threshold;
  /** Whether what is not 0 afterwards is counted. */
  bool isCounted;
};

/** What a run kept. Elements of the input or the output that pass the gate and are not 0; multiplications of x with a weight. */
struct Tally {
  int64_t kept = 0;
  int64_t seen = 0;
  int64_t keptOut = 0;
  int64_t seenOut = 0;
  int64_t multiplied = 0;
  int64_t multiplications = 0;
};

struct MatMul {
  const Weights* weights;
  /** [rows, depth] and [rows, columns]. */
  const float* x;
  float* y;
  int64_t rows;
  /** Of x: |x| < threshold acts as 0. */
  float threshold;
  Epilogue epilogue;
};

/** A 2-D convolution without groups. Weights are packed with depth [kernelHeight, kernelWidth, padded channels]. */
struct Conv {
  const Weights* weights;
  const float* x;
  /** Shape of y, in its layout; null for none. */
  const float* residual;
  float* y;
  int64_t images;
  int channels, height, width;
  int kernelHeight, kernelWidth;
  int strideY, strideX;
  int padTop, padLeft, padBottom, padRight;
  int dilationY, dilationX;
  bool isInputBordered, isOutputBordered;
  float threshold;
  Epilogue epilogue;

  TAUSTAT_INLINE int outHeight() const { return (height + padTop + padBottom - dilationY * (kernelHeight - 1) - 1) / strideY + 1; }
  TAUSTAT_INLINE int outWidth() const { return (width + padLeft + padRight - dilationX * (kernelWidth - 1) - 1) / strideX + 1; }
};

/**
 * A bordered tensor is [images, height, width + 2, channels rounded up to 16]: NHWC with a column of zeros on either side and
 * zeros in the channels beyond the last.
 */
struct Plane {
  int64_t images;
  int channels, height, width;

  TAUSTAT_INLINE int paddedChannels() const { return static_cast<int>(roundUp(channels, kColumnUnit)); }
  TAUSTAT_INLINE size_t rowSize() const { return static_cast<size_t>(width + 2) * paddedChannels(); }
  TAUSTAT_INLINE size_t borderedSize() const { return static_cast<size_t>(images) * height * rowSize(); }
};

/** Cells of a histogram: per bin and lane, count · 2^40 + Σ residual. */
constexpr int kHistogramLanes = 4;
constexpr int kHistogramBins = 1 << 14;
/** Activations after which cells must be emptied. */
constexpr int64_t kHistogramChunk = static_cast<int64_t>(kHistogramLanes) << 22;

struct Kernels {
  const char* name;
  /** Floats per register, for the tests' tails. */
  int lanes;
  /** Rows of a group. */
  int tileRows;
  /** Rows [rowBegin, rowEnd) of the panels [panelBegin, panelEnd). Only `panelBegin` = 0 counts the input. */
  void (*matMul)(const MatMul&, int64_t rowBegin, int64_t rowEnd, int panelBegin, int panelEnd, Scratch&, Tally&);
  /** Rows of work of a convolution. They are the output rows over all images, but for pointwise ones, which have no rows. */
  int64_t (*convRows)(const Conv&);
  /** Rows [rowBegin, rowEnd) of `convRows`. */
  void (*conv)(const Conv&, int64_t rowBegin, int64_t rowEnd, Scratch&, Tally&);
  void (*toBordered)(const Plane&, const float* x, float* y);
  void (*fromBordered)(const Plane&, const float* x, float* y);
  /** `to` is the plane of y. */
  void (*maxPoolBordered)(const Plane& from, const float* x, const Plane& to, float* y, int kernel, int stride);
  /** Adds the magnitudes of x to cells [bins][lanes], and returns the first and last bin touched but bin 0, in `first` and `last`. */
  void (*histogram)(const float* x, int64_t count, uint64_t* cells, int& first, int& last);
};

/** One of each instruction set that this binary holds, best first. The portable one is always there. */
struct KernelList {
  const Kernels* const* begin;
  int count;
};
KernelList all();

/** Whether this machine can run them. */
bool isSupported(const Kernels& kernels);

/** `name`, or the best that this machine supports for "auto". Null where there is no such kernel here. */
const Kernels* choose(const char* name);

}  // namespace taustat
