// Records what the runtime reports while a program runs: operators, delegates, and the operators inside delegates.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <executorch/runtime/core/event_tracer.h>
#include <executorch/runtime/platform/platform.h>

namespace pesto_workbench {

namespace et = executorch::runtime;

// The events of successive calls. Its clock stands still while it records, so that recording is in no event.
class OperatorTrace final : public et::EventTracer {
 public:
  struct Event {
    std::string name;
    uint32_t instruction;  // of the program, that was running
    et_timestamp_t start, end;  // ticks of `now`
  };

  OperatorTrace() { events_.reserve(8192); }

  const std::vector<Event>& events() const { return events_; }  // an event is followed by those inside it
  void clear() { events_.clear(); }
  et_timestamp_t now() const { return et::pal_current_ticks() - spent_; }

  et::EventTracerEntry start_profiling(const char* name, et::ChainID, et::DebugHandle) override { return start(name); }
  void end_profiling(et::EventTracerEntry entry) override { end(entry); }
  et::EventTracerEntry start_profiling_delegate(const char* name, et::DelegateDebugIntId) override {
    return start(name);
  }
  void end_profiling_delegate(et::EventTracerEntry entry, const void*, size_t) override { end(entry); }
  void log_profiling_delegate(const char* name, et::DelegateDebugIntId, et_timestamp_t start, et_timestamp_t end,
                              const void*, size_t) override {  // XNNPACK logs its operators after the last of them
    const et_timestamp_t begun = et::pal_current_ticks();
    record(name, start - spent_before_logs_, end - spent_before_logs_);
    spent_ += et::pal_current_ticks() - begun;
  }

  // Nothing else is recorded.
  void create_event_block(const char*) override {}
  void track_allocation(et::AllocatorID, size_t) override {}
  et::AllocatorID track_allocator(const char*) override { return 0; }
  et::Result<bool> log_evalue(const et::EValue&, et::LoggedEValueType) override { return false; }
  et::Result<bool> log_intermediate_output_delegate(const char*, et::DelegateDebugIntId,
                                                    const executorch::aten::Tensor&) override {
    return false;
  }
  et::Result<bool> log_intermediate_output_delegate(const char*, et::DelegateDebugIntId,
                                                    const et::ArrayRef<executorch::aten::Tensor>) override {
    return false;
  }
  et::Result<bool> log_intermediate_output_delegate(const char*, et::DelegateDebugIntId, const int&) override {
    return false;
  }
  et::Result<bool> log_intermediate_output_delegate(const char*, et::DelegateDebugIntId, const bool&) override {
    return false;
  }
  et::Result<bool> log_intermediate_output_delegate(const char*, et::DelegateDebugIntId, const double&) override {
    return false;
  }
  void set_delegation_intermediate_output_filter(et::EventTracerFilterBase*) override {}

 private:
  void record(const char* name, et_timestamp_t start, et_timestamp_t end) {
    events_.push_back({name == nullptr ? "" : name, current_debug_handle(), start, end});
  }
  et::EventTracerEntry start(const char* name) {
    const et_timestamp_t begun = et::pal_current_ticks();
    et::EventTracerEntry entry{};
    entry.event_id = static_cast<int64_t>(events_.size());
    record(name, begun - spent_, begun - spent_);
    spent_before_logs_ = spent_ += et::pal_current_ticks() - begun;
    return entry;
  }
  void end(et::EventTracerEntry entry) {
    const size_t index = static_cast<size_t>(entry.event_id);
    if (index < events_.size()) events_[index].end = now();
  }

  std::vector<Event> events_;
  et_timestamp_t spent_ = 0, spent_before_logs_ = 0;  // on recording
};

}  // namespace pesto_workbench
