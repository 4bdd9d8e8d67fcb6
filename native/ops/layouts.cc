#include "layouts.h"

#include <algorithm>

namespace taustat {
namespace {

int positive(const Attributes& attributes, const char* name, int64_t otherwise) {
  const int64_t value = attributes.integer(name, otherwise);
  if (value < 1 || value > 1 << 20) attributes.refuse(std::string(name) + " must be positive");
  return static_cast<int>(value);
}

std::vector<int64_t> dimsOf4(const ort::Value* x) {
  std::vector<int64_t> dims = ort::shapeOf(x).dims;
  if (dims.size() != 4) throw std::invalid_argument("X has " + std::to_string(dims.size()) + " dimensions, not 4");
  return dims;
}

/** The plane that a bordered tensor holds; its channels are the padded ones. */
Plane borderedPlane(const ort::Value* x) {
  const std::vector<int64_t> dims = dimsOf4(x);
  if (dims[2] < 2 || dims[3] % kColumnUnit != 0) throw std::invalid_argument("X is not a bordered tensor");
  return {dims[0], static_cast<int>(dims[3]), static_cast<int>(dims[1]), static_cast<int>(dims[2] - 2)};
}

std::vector<int64_t> borderedDims(const Plane& plane) {
  return {plane.images, plane.height, plane.width + 2, plane.paddedChannels()};
}

/** task(first image, plane of some images), shared out to the threads. */
template <typename Task>
void perImage(const Run& run, const Environment& environment, const Plane& plane, Task task) {
  const int tasks = static_cast<int>(std::min<int64_t>(environment.threads, plane.images));
  run.parallel(tasks, [&](int i) {
    const int64_t begin = plane.images * i / tasks, end = plane.images * (i + 1) / tasks;
    Plane part = plane;
    part.images = end - begin;
    task(begin, part);
  });
}

size_t planeSize(const Plane& plane) { return static_cast<size_t>(plane.channels) * plane.height * plane.width; }
size_t borderedSize(const Plane& plane) { return plane.height * plane.rowSize(); }

}  // namespace

void ToBordered::compute(Run& run) const {
  const ort::Value* input = run.input(0);
  const std::vector<int64_t> dims = dimsOf4(input);
  const Plane plane{dims[0], static_cast<int>(dims[1]), static_cast<int>(dims[2]), static_cast<int>(dims[3])};
  const float* x = ort::floats(input);
  auto* y = static_cast<float*>(run.output(borderedDims(plane)));
  if (plane.width == 0 || plane.height == 0) return;
  perImage(run, environment_, plane, [&](int64_t begin, const Plane& part) {
    environment_.kernels->toBordered(part, x + begin * planeSize(plane), y + begin * borderedSize(plane));
  });
}

FromBordered::FromBordered(const Attributes& attributes, const Environment& environment)
    : environment_(environment), channels_(positive(attributes, "channels", 0)) {}

void FromBordered::compute(Run& run) const {
  const ort::Value* input = run.input(0);
  Plane plane = borderedPlane(input);
  if (roundUp(channels_, kColumnUnit) != plane.channels)
    throw std::invalid_argument("X has " + std::to_string(plane.channels) + " channels, expected " + std::to_string(channels_) +
                                " rounded up to 16");
  plane.channels = channels_;
  const float* x = ort::floats(input);
  auto* y = static_cast<float*>(run.output({plane.images, plane.channels, plane.height, plane.width}));
  if (plane.width == 0 || plane.height == 0) return;
  perImage(run, environment_, plane, [&](int64_t begin, const Plane& part) {
    environment_.kernels->fromBordered(part, x + begin * borderedSize(plane), y + begin * planeSize(plane));
  });
}

BorderedMaxPool::BorderedMaxPool(const Attributes& attributes, const Environment& environment)
    : environment_(environment), kernel_(positive(attributes, "kernel", 2)), stride_(positive(attributes, "stride", 2)) {}

void BorderedMaxPool::compute(Run& run) const {
  const ort::Value* input = run.input(0);
  const Plane from = borderedPlane(input);
  if (from.height < kernel_ || from.width < kernel_) throw std::invalid_argument("X is smaller than the kernel");
  const Plane to{from.images, from.channels, (from.height - kernel_) / stride_ + 1, (from.width - kernel_) / stride_ + 1};
  const float* x = ort::floats(input);
  auto* y = static_cast<float*>(run.output(borderedDims(to)));
  perImage(run, environment_, to, [&](int64_t begin, const Plane& part) {
    Plane source = from;
    source.images = part.images;
    environment_.kernels->maxPoolBordered(source, x + begin * borderedSize(from), part, y + begin * borderedSize(to), kernel_, stride_);
  });
}

}  // namespace taustat
