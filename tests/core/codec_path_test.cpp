// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_path.hpp"

#include <filesystem>

#include "core/round_trip.hpp"
#include "support/catch.hpp"

using tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEST_CASE("codec: paths, byte for byte", "[core][codec]") {
  for (std::filesystem::path const sent : {"", "/", "relative/file.txt", "/not\xff/utf-8"}) {
    CHECK(round_trip(sent).native() == sent.native());
    CHECK(refuses_other_lengths(sent));
  }
}
