#include "counts.h"

namespace taustat {

void Counts::Site::add(int64_t newKept, int64_t newSeen) {
  kept.fetch_add(newKept, std::memory_order_relaxed);
  seen.fetch_add(newSeen, std::memory_order_relaxed);
}

Counts::Site* Counts::site(int64_t index) {
  if (index < 0) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  return &sites_[index];
}

void Counts::addMultiplications(const Tally& tally) { multiplications_.add(tally.multiplied, tally.multiplications); }

std::vector<Counts::Row> Counts::takeSites() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Row> rows;
  for (auto& [index, site] : sites_)
    rows.push_back({static_cast<int>(index), site.kept.exchange(0, std::memory_order_relaxed),
                    site.seen.exchange(0, std::memory_order_relaxed)});
  return rows;
}

std::pair<int64_t, int64_t> Counts::takeMultiplications() {
  return {multiplications_.kept.exchange(0, std::memory_order_relaxed),
          multiplications_.seen.exchange(0, std::memory_order_relaxed)};
}

}  // namespace taustat
