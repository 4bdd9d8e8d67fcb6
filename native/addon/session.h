#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "../ops/operator.h"

namespace taustat {

struct SessionSettings {
  int intraOpThreads = 1;
  /** 0 none, 1 basic, 2 extended, 99 all. */
  int optimization = 99;
  std::vector<std::pair<std::string, std::string>> config;
};

/** A tensor whose memory belongs to someone else. */
struct TensorView {
  const char* name;
  int elementType;
  const int64_t* dims;
  size_t rank;
  void* at;
  size_t bytes;
};

/** A session of ONNX Runtime with taustat's operators. One run at a time; `terminate` may come from any thread. */
class NativeSession {
 public:
  /** A model in memory, or else its path. @throws ort::Error, std::invalid_argument for inputs or outputs of strings */
  NativeSession(const Kernels* kernels, const void* model, size_t bytes, const std::string& path, const SessionSettings& settings);
  ~NativeSession();

  const std::vector<std::string>& inputNames() const { return inputNames_; }
  const std::vector<std::string>& outputNames() const { return outputNames_; }
  Counts& counts() { return counts_; }
  /** Names this session to `terminate`, in this process, for ever. */
  uint64_t id() const { return id_; }

  /**
   * Runs into `outputs`, one entry per name: null for one that ONNX Runtime is to allocate, or a tensor to write to.
   *
   * @throws ort::Error
   */
  void run(const std::vector<TensorView>& inputs, const std::vector<const char*>& outputNames, std::vector<ort::Owned<ort::Value>>& outputs);
  ort::Owned<ort::Value> tensorOver(const TensorView& view) const;

  /** The run under way, or the next, ends at the next node with an error; so do all until `reset`. False if there is no such session. */
  static bool terminate(uint64_t id);
  void reset();
  bool isTerminated() const { return isTerminated_; }

 private:
  void readNames();

  Counts counts_;
  Environment environment_;
  Operators operators_;
  ort::Owned<ort::MemoryInfo> memory_{&ort::Api::ReleaseMemoryInfo};
  ort::Owned<ort::RunOptions> runOptions_{&ort::Api::ReleaseRunOptions};
  ort::Owned<ort::Session> session_{&ort::Api::ReleaseSession};
  std::vector<std::string> inputNames_, outputNames_;
  std::atomic<bool> isTerminated_{false};
  uint64_t id_ = 0;
};

}  // namespace taustat
