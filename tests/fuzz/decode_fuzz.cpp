// SPDX-License-Identifier: BSL-1.0
// Decodes arbitrary bytes as many types. From the top of the source tree, with clang:
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude -Itests \
//     tests/fuzz/decode_fuzz.cpp -o decode_fuzz
//   mkdir -p found && ./decode_fuzz -max_total_time=60 -max_len=4096 -malloc_limit_mb=64 found tests/fuzz/corpus/decode
//
// What it finds goes to the corpus once it is fixed: tests/core/decode_corpus_test.cpp replays that on every run.
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/decode_types.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  tandem::set_unobserved_failure_handler([](tandem::failure const&) noexcept {});  // there are many
  tandem_test::decode_input(std::as_bytes(std::span{data, size}));
  return 0;
}
