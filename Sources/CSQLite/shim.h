#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <sqlite3.h>

/// SQLITE_TRANSIENT is a cast that the Swift importer does not see: SQLite copies the bytes.
static inline int csqlite_bind_text(sqlite3_stmt *s, int i, const char *text, int length) {
  return sqlite3_bind_text(s, i, text, length, SQLITE_TRANSIENT);
}

static inline int csqlite_bind_blob(sqlite3_stmt *s, int i, const void *bytes, int length) {
  return sqlite3_bind_blob(s, i, bytes, length, SQLITE_TRANSIENT);
}

/// SQLite takes the bytes where they are: they must stay there until the statement has been run.
static inline int csqlite_bind_static_blob(
    sqlite3_stmt *s, int i, const void *bytes, int length) {
  return sqlite3_bind_blob(s, i, bytes, length, SQLITE_STATIC);
}

/// SQLite counts all memory that it takes under one lock for the whole process, unless it is told not to, before its first
/// use. Afterwards it answers SQLITE_MISUSE, and goes on counting.
static inline int csqlite_count_no_memory(void) {
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

#endif
