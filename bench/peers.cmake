# SPDX-License-Identifier: BSL-1.0
# The libraries that tandem is measured beside. Each that is here defines TANDEM_BENCH_<NAME>=1, the others 0; a benchmark tells of those that
# are missing in a row of its table. Nothing here is an error.
include(CheckCXXSourceCompiles)

set(TANDEM_BENCH_PEERS "$ENV{TANDEM_BENCH_PEERS}" CACHE PATH "A folder of header-only libraries to measure beside tandem (bench/README.md)")
add_library(bench_peers INTERFACE)
set(peers_found "")
set(peers_absent "")

# peer(NAME header [LIBRARIES libraries...] [FIND package] [FOLDERS folders below TANDEM_BENCH_PEERS...])
function(peer name header)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "FIND" "LIBRARIES;FOLDERS")
  set(found FALSE)
  if(arg_FIND)
    find_package("${arg_FIND}" QUIET)
    if("${${arg_FIND}_FOUND}")
      set(found TRUE)
    endif()
  elseif(arg_FOLDERS)
    unset(directory)
    if(TANDEM_BENCH_PEERS)
      list(TRANSFORM arg_FOLDERS PREPEND "${TANDEM_BENCH_PEERS}/")
      find_path(directory "${header}" PATHS "${TANDEM_BENCH_PEERS}" ${arg_FOLDERS} NO_DEFAULT_PATH NO_CACHE)
    endif()
    if(directory)
      target_include_directories(bench_peers SYSTEM INTERFACE "${directory}")
      set(found TRUE)
    endif()
  else()
    find_path(directory "${header}" NO_CACHE)
    if(directory)
      set(found TRUE)
    endif()
  endif()
  if(found)
    foreach(library IN LISTS arg_LIBRARIES)
      target_link_libraries(bench_peers INTERFACE "${library}")
    endforeach()
    target_compile_definitions(bench_peers INTERFACE "TANDEM_BENCH_${name}=1")
    set(peers_found "${peers_found} ${name}" PARENT_SCOPE)
  else()
    target_compile_definitions(bench_peers INTERFACE "TANDEM_BENCH_${name}=0")
    set(peers_absent "${peers_absent} ${name}" PARENT_SCOPE)
  endif()
endfunction()

# Packages carry these.
peer(BOOST boost/version.hpp)                                      # libboost-dev: Process, Interprocess, Lockfree
peer(TBB tbb/version.h FIND TBB LIBRARIES TBB::tbb)                # libtbb-dev
peer(ABSL absl/synchronization/mutex.h FIND absl LIBRARIES absl::synchronization)  # libabsl-dev
peer(MOODYCAMEL concurrentqueue/blockingconcurrentqueue.h)  # libconcurrentqueue-dev
# No package carries these.
peer(BS_THREAD_POOL BS_thread_pool.hpp FOLDERS thread-pool/include bs-thread-pool/include BS_thread_pool)
peer(ATOMIC_QUEUE atomic_queue/atomic_queue.h FOLDERS atomic_queue/include)
peer(RIGTORP_SPSC rigtorp/SPSCQueue.h FOLDERS SPSCQueue/include)
peer(TASKFLOW taskflow/taskflow.hpp FOLDERS taskflow)

message(STATUS "Benchmarks: peers found:${peers_found}; not found:${peers_absent}")
