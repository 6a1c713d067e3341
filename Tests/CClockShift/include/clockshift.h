// Preloaded into a process, this library makes it see another clock: the machine's, moved by as many seconds as the
// file named by CLOCKSHIFT_FILE holds, a 64-bit integer in the machine's order of bytes. The file may change at any time.
