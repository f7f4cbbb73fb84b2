// Counts calls of malloc and its relatives in this process, those of operator new included, if the C library allows it.

#pragma once

#include <cstdint>

namespace pesto_workbench {

// Returns the number of allocations of all threads since the process started; -1 if they cannot be counted here.
int64_t allocations();

}  // namespace pesto_workbench
