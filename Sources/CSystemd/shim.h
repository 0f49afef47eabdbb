#pragma once
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
// Without the macros that would note this header as the source of every message.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
