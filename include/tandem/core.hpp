// SPDX-License-Identifier: BSL-1.0
// The door of the room core: the words that every other room uses.
#ifndef TANDEM_CORE_HPP
#define TANDEM_CORE_HPP

#include "tandem/core/byte_sink.hpp"
#include "tandem/core/codec.hpp"
#include "tandem/core/codec_chrono.hpp"
#include "tandem/core/codec_error_code.hpp"
#include "tandem/core/codec_failure.hpp"
#include "tandem/core/codec_list.hpp"
#include "tandem/core/codec_map.hpp"
#include "tandem/core/codec_optional.hpp"
#include "tandem/core/codec_path.hpp"
#include "tandem/core/codec_string.hpp"
#include "tandem/core/codec_tuple.hpp"
#include "tandem/core/codec_unique_ptr.hpp"
#include "tandem/core/codec_unordered.hpp"
#include "tandem/core/codec_variant.hpp"
#include "tandem/core/codec_vector.hpp"
#include "tandem/core/crash_report.hpp"
#include "tandem/core/deadline.hpp"
#include "tandem/core/errors.hpp"
#include "tandem/core/exception_transport.hpp"
#include "tandem/core/failure.hpp"
#include "tandem/core/flat.hpp"
#include "tandem/core/mode.hpp"
#include "tandem/core/outcome.hpp"
#include "tandem/core/reader.hpp"
#include "tandem/core/register_exception.hpp"
#include "tandem/core/remote_exception.hpp"
#include "tandem/core/resource_usage.hpp"
#include "tandem/core/shareable.hpp"
#include "tandem/core/transferable.hpp"
#include "tandem/core/unobserved_failure.hpp"
#include "tandem/core/writer.hpp"

#endif  // TANDEM_CORE_HPP
