// NCHW to channels last and back, in square tiles of registers, and the operators that stay in the bordered layout.
#pragma once
#include "lists.h"

namespace taustat {
namespace {

/** Goes through the pixels of rows of channels, left to right and top to bottom, and after row `rows − 1` to row 0 again. */
struct PixelWalk {
  float* begin;
  size_t rowSize;
  int channels;
  int width;
  int rows;
  int row;
  int column = 0;

  float* next() {
    float* at = begin + row * rowSize + static_cast<size_t>(column) * channels;
    if (++column == width) {
      column = 0;
      if (++row == rows) row = 0;
    }
    return at;
  }
};

/** Pixels [begin, end) of x [channels][planeSize] to where `to` walks; channels from the last up to `to.channels` become 0. */
template <typename V>
void toChannelsLast(const float* x, size_t planeSize, int channels, int64_t begin, int64_t end, PixelWalk to) {
  const int padded = to.channels;
  for (int64_t p = begin; p < end; p += V::lanes) {
    const int pixels = end - p < V::lanes ? static_cast<int>(end - p) : V::lanes;
    float* at[V::lanes];
    for (int i = 0; i < pixels; i++) at[i] = to.next();
    for (int c = 0; c < padded; c += V::lanes) {
      V tile[V::lanes];
      for (int i = 0; i < V::lanes; i++) {
        const float* from = x + static_cast<size_t>(c + i) * planeSize + p;
        tile[i] = c + i >= channels    ? V::broadcast(0)
                  : pixels == V::lanes ? V::load(from)
                                       : V::loadFirst(from, pixels);
      }
      V::transpose(tile);
      for (int i = 0; i < pixels; i++) tile[i].store(at[i] + c);
    }
  }
}

/** The way back: channels of the pixels that `from` walks through to y [channels][planeSize], each vector through `change(vector, address, pixels)`. */
template <typename V, typename Change>
void toPlanes(PixelWalk from, int channelBegin, int channelEnd, float* y, size_t planeSize, int64_t begin, int64_t end,
              Change change) {
  for (int64_t p = begin; p < end; p += V::lanes) {
    const int pixels = end - p < V::lanes ? static_cast<int>(end - p) : V::lanes;
    const float* at[V::lanes];
    for (int i = 0; i < pixels; i++) at[i] = from.next();
    for (int i = pixels; i < V::lanes; i++) at[i] = at[0];
    for (int c = channelBegin; c < channelEnd; c += V::lanes) {
      V tile[V::lanes];
      for (int i = 0; i < V::lanes; i++) tile[i] = V::load(at[i] + c - channelBegin);
      V::transpose(tile);
      for (int i = 0; i < V::lanes && c + i < channelEnd; i++) {
        float* to = y + static_cast<size_t>(c + i) * planeSize + p;
        const V changed = change(tile[i], to, pixels);
        if (pixels == V::lanes) changed.store(to);
        else changed.storeFirst(to, pixels);
      }
    }
  }
}

template <typename V>
void setZero(float* at, size_t count) {
  const V zero = V::broadcast(0);
  for (size_t i = 0; i < count; i += V::lanes) zero.store(at + i);
}

/** The columns of zeros of a row. */
template <typename V>
void setBorder(const Plane& plane, float* row) {
  const int padded = plane.paddedChannels();
  setZero<V>(row, padded);
  setZero<V>(row + static_cast<size_t>(plane.width + 1) * padded, padded);
}

template <typename V>
void toBordered(const Plane& plane, const float* x, float* y) {
  const int64_t pixels = static_cast<int64_t>(plane.height) * plane.width;
  const int padded = plane.paddedChannels();
  const size_t rowSize = plane.rowSize();
  for (int64_t image = 0; image < plane.images; image++) {
    float* to = y + image * plane.height * rowSize;
    for (int row = 0; row < plane.height; row++) setBorder<V>(plane, to + row * rowSize);
    const PixelWalk walk{to + padded, rowSize, padded, plane.width, plane.height, 0};
    toChannelsLast<V>(x + image * plane.channels * pixels, pixels, plane.channels, 0, pixels, walk);
  }
}

template <typename V>
void fromBordered(const Plane& plane, const float* x, float* y) {
  const int64_t pixels = static_cast<int64_t>(plane.height) * plane.width;
  const int padded = plane.paddedChannels();
  const size_t rowSize = plane.rowSize();
  for (int64_t image = 0; image < plane.images; image++) {
    float* from = const_cast<float*>(x) + image * plane.height * rowSize;
    const PixelWalk walk{from + padded, rowSize, padded, plane.width, plane.height, 0};
    toPlanes<V>(walk, 0, plane.channels, y + image * plane.channels * pixels, pixels, 0, pixels,
                [](V v, const float*, int) { return v; });
  }
}

template <typename V>
void maxPoolBordered(const Plane& from, const float* x, const Plane& to, float* y, int kernel, int stride) {
  const size_t fromRow = from.rowSize(), toRow = to.rowSize();
  const int padded = from.paddedChannels();
  for (int64_t image = 0; image < to.images; image++)
    for (int h = 0; h < to.height; h++) {
      float* out = y + (image * to.height + h) * toRow;
      const float* in = x + (image * from.height + static_cast<int64_t>(h) * stride) * fromRow;
      setBorder<V>(to, out);
      for (int w = 0; w < to.width; w++)
        for (int c = 0; c < padded; c += V::lanes) {
          const float* at = in + static_cast<size_t>(w * stride + 1) * padded + c;
          V most = V::load(at);
          for (int i = 0; i < kernel; i++)
            for (int j = 0; j < kernel; j++) most = V::larger(most, V::load(at + i * fromRow + static_cast<size_t>(j) * padded));
          most.store(out + static_cast<size_t>(w + 1) * padded + c);
        }
    }
}

}  // namespace
}  // namespace taustat
