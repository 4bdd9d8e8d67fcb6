#pragma once
#include "conv.h"
#include "histogram.h"
#include "layout.h"
#include "matmul.h"

namespace taustat {
namespace {

/** Everything that an instruction set offers, from its vector type. */
template <typename V>
constexpr Kernels kernelsOf(const char* name) {
  return {name, V::lanes, V::tileRows, matMul<V>, convRows<V>, conv<V>, toBordered<V>, fromBordered<V>, maxPoolBordered<V>, histogram};
}

}  // namespace
}  // namespace taustat
