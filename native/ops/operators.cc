#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "histogram.h"
#include "layouts.h"
#include "operator.h"
#include "sparse-conv.h"
#include "sparse-matmul.h"

namespace taustat {

struct Operators::All {
  explicit All(const Environment* environment)
      : operators(Registered<SparseConv>(environment), Registered<SparseMatMul>(environment), Registered<Histogram>(environment),
                  Registered<RowHistograms>(environment), Registered<ToBordered>(environment), Registered<FromBordered>(environment),
                  Registered<BorderedMaxPool>(environment)) {
    ort::check(ort::api().CreateCustomOpDomain(kDomain, domain.out()));
    std::apply([&](const auto&... op) { (ort::check(ort::api().CustomOpDomain_Add(domain.get(), &op)), ...); }, operators);
  }

  std::tuple<Registered<SparseConv>, Registered<SparseMatMul>, Registered<Histogram>, Registered<RowHistograms>, Registered<ToBordered>,
             Registered<FromBordered>, Registered<BorderedMaxPool>>
      operators;
  ort::Owned<ort::CustomOpDomain> domain{&ort::Api::ReleaseCustomOpDomain};
};

Operators::Operators(const Environment* environment) : all_(new All(environment)) {}
Operators::~Operators() = default;

void Operators::addTo(ort::SessionOptions* options) const {
  ort::check(ort::api().AddCustomOpDomain(options, all_->domain.get()));
}

}  // namespace taustat

/**
 * What ONNX Runtime calls in a library of custom operators, in any language: `register_custom_ops_library`,
 * `op_library_filename` of Triton. TAUSTAT_KERNELS and TAUSTAT_THREADS choose what `init` and `createSession` do in Node.
 */
extern "C" __attribute__((visibility("default"))) taustat::ort::Status* RegisterCustomOps(
    taustat::ort::SessionOptions* options, const taustat::ort::ApiBase* base) {
  using namespace taustat;
  try {
    ort::use(base);
  } catch (const std::exception& error) {
    // Only the table of the caller can make a status for it.
    const void* const* table = base->GetApi(ort::kVersion);
    if (table == nullptr) return nullptr;
    return reinterpret_cast<decltype(ort::Api::CreateStatus)>(const_cast<void*>(table[0]))(1, error.what());
  }
  return guarded("taustat", [&] {
    static const Environment environment = [] {
      const char* name = std::getenv("TAUSTAT_KERNELS");
      const char* threads = std::getenv("TAUSTAT_THREADS");
      const Kernels* kernels = choose(name == nullptr ? "auto" : name);
      if (kernels == nullptr) throw std::invalid_argument(std::string("TAUSTAT_KERNELS=") + name + " is not available here");
      static Counts counts;
      return Environment{kernels, threads == nullptr ? 1 : std::max(1, std::atoi(threads)), &counts};
    }();
    // Lives as long as the process, since sessions of others use it.
    static const Operators* operators = new Operators(&environment);
    operators->addTo(options);
  });
}
