#include "pack.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

namespace taustat {
namespace {

float* zeros(size_t count) {
  void* at = nullptr;
  const size_t bytes = (count + kColumnUnit) * sizeof(float);
  if (posix_memalign(&at, 4096, bytes) != 0) throw std::bad_alloc();
  std::memset(at, 0, bytes);
  return static_cast<float*>(at);
}

/** Ends of panels: as equal as they can be, none wider than six units. Four units keep more of the weights in the nearest cache. */
std::vector<int> panelsOf(int columns) {
  const int units = (columns + kColumnUnit - 1) / kColumnUnit;
  const int widest = kPanelColumns / kColumnUnit;
  const int panels = units <= widest ? 1 : units % widest == 0 ? units / widest : (units + 3) / 4;
  std::vector<int> begin{0};
  for (int i = 0; i < panels; i++)
    begin.push_back(begin.back() + kColumnUnit * (units / panels + (i < units % panels ? 1 : 0)));
  return begin;
}

/** Content of the weights, as a key: two independent 64-bit hashes and the shape. */
struct Key {
  uint64_t low, high, shape;
  bool operator==(const Key& other) const { return low == other.low && high == other.high && shape == other.shape; }
};
struct KeyHash {
  size_t operator()(const Key& key) const { return static_cast<size_t>(key.low ^ key.shape); }
};

void hash(Key& key, const float* values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    key.low = (key.low ^ bits) * 0x100000001b3ull;
    key.low ^= key.low >> 29;
    key.high = (key.high + bits) * 0x9e3779b97f4a7c15ull;
    key.high ^= key.high >> 32;
  }
}

std::mutex packsMutex;
std::unordered_map<Key, std::weak_ptr<const Pack>, KeyHash> packs;

/** The pack of that key, made if no session of the process has it. */
template <typename Make>
std::shared_ptr<const Pack> shared(const Key& key, Make make) {
  const std::lock_guard<std::mutex> lock(packsMutex);
  for (auto it = packs.begin(); it != packs.end();) it = it->second.expired() ? packs.erase(it) : std::next(it);
  if (auto found = packs[key].lock()) return found;
  std::shared_ptr<const Pack> made = make();
  packs[key] = made;
  return made;
}

Key keyOf(const float* w, size_t count, const float* bias, int columns, uint64_t shape) {
  Key key{0xcbf29ce484222325ull, 0x243f6a8885a308d3ull, shape};
  hash(key, w, count);
  if (bias != nullptr) hash(key, bias, static_cast<size_t>(columns));
  return key;
}

}  // namespace

Pack::Pack(int depth, int columns, const float* bias) : panelBegin_(panelsOf(columns)) {
  weights_.depth = depth;
  weights_.columns = columns;
  weights_.paddedColumns = panelBegin_.back();
  weights_.panels = static_cast<int>(panelBegin_.size()) - 1;
  weights_.panelBegin = panelBegin_.data();
  weights_.values = values_ = zeros(static_cast<size_t>(depth) * weights_.paddedColumns);
  weights_.bias = bias_ = zeros(static_cast<size_t>(weights_.paddedColumns));
  if (bias != nullptr) std::memcpy(bias_, bias, static_cast<size_t>(columns) * sizeof(float));
}

Pack::~Pack() {
  std::free(values_);
  std::free(bias_);
}

template <typename At>
void Pack::fill(At at) {
  for (int panel = 0; panel < weights_.panels; panel++) {
    float* to = values_ + static_cast<size_t>(panelBegin_[panel]) * weights_.depth;
    const int width = weights_.width(panel);
    for (int k = 0; k < weights_.depth; k++)
      for (int j = 0; j < width; j++) {
        const int column = panelBegin_[panel] + j;
        if (column < weights_.columns) to[static_cast<size_t>(k) * width + j] = at(k, column);
      }
  }
}

std::shared_ptr<const Pack> Pack::ofMatMul(const float* w, const float* bias, int depth, int columns, bool isTransposed) {
  const uint64_t shape = static_cast<uint64_t>(depth) << 32 | static_cast<uint64_t>(columns) << 2 | (isTransposed ? 2 : 0) | 1;
  return shared(keyOf(w, static_cast<size_t>(depth) * columns, bias, columns, shape ^ (bias ? 1ull << 63 : 0)), [&] {
    auto pack = std::make_shared<Pack>(depth, columns, bias);
    pack->fill([&](int k, int n) {
      return isTransposed ? w[static_cast<size_t>(n) * depth + k] : w[static_cast<size_t>(k) * columns + n];
    });
    return pack;
  });
}

std::shared_ptr<const Pack> Pack::ofConv(const float* w, const float* bias, int columns, int channels, int kernelHeight,
                                         int kernelWidth) {
  const int padded = static_cast<int>(roundUp(channels, kColumnUnit));
  const int depth = kernelHeight * kernelWidth * padded;
  const uint64_t shape = static_cast<uint64_t>(channels) << 40 | static_cast<uint64_t>(columns) << 18 |
                         static_cast<uint64_t>(kernelHeight) << 10 | static_cast<uint64_t>(kernelWidth) << 2;
  const size_t count = static_cast<size_t>(columns) * channels * kernelHeight * kernelWidth;
  return shared(keyOf(w, count, bias, columns, shape ^ (bias ? 1ull << 63 : 0)), [&] {
    auto pack = std::make_shared<Pack>(depth, columns, bias);
    pack->fill([&](int k, int n) {
      const int channel = k % padded;
      const int tap = k / padded;
      if (channel >= channels) return 0.0f;
      return w[(static_cast<size_t>(n) * channels + channel) * kernelHeight * kernelWidth + tap];
    });
    return pack;
  });
}

}  // namespace taustat
