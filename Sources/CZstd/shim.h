#pragma once
/* Only what the library keeps stable: the image's libzstd.so.1 may be newer than the one of the build machine. */
#include <zstd.h>
#include <zstd_errors.h>
