#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "../kernels/kernels.h"

namespace taustat {

/** What the operators of a session kept since the last look, per site. Each run adds once per operator. */
class Counts {
 public:
  struct Site {
    std::atomic<int64_t> kept{0};
    std::atomic<int64_t> seen{0};
    void add(int64_t kept, int64_t seen);
  };
  struct Row {
    int site;
    int64_t kept;
    int64_t seen;
  };

  /** The counter of a site, made at the first call; −1 has none. Stays where it is. */
  Site* site(int64_t index);
  void addMultiplications(const Tally& tally);

  /** Since the last call. */
  std::vector<Row> takeSites();
  /** Multiplications done, and those that a dense operator would do. */
  std::pair<int64_t, int64_t> takeMultiplications();

 private:
  std::mutex mutex_;
  std::map<int64_t, Site> sites_;
  Site multiplications_;
};

}  // namespace taustat
