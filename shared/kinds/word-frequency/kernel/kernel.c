// Counts words and adds up records: the inner loops of this kind, for WebAssembly. Must not know
// files: word-table.ts moves the bytes in and out. `npm run kernel` compiles it into binary.ts.
//
//   TEXT    bytes that are counted, or records that are added up
//   OUT     one buffer for each group, for records on their way out
//   SLOTS   hash table, open addressing: hash << 32 | place of the entry / 8; 0 is empty. It doubles
//           into the other of two regions, so each is the source of the next
//   ARENA   entries, one after the other: count (8 bytes), length (4), the word, spaces up to the
//           next multiple of 8, one at least
//   LIST    start, length (4 bytes each) and count (a double) of each entry, for order.ts
//
// Memory is reserved as a whole; the system gives the pages that are touched.
//
// Bytes are divided into words 64 at a time, as a mask of white space, so that the length of a word
// is no branch. Words are looked up in batches, and each batch touches its slots, then its entries,
// before it compares: the misses of the cache overlap.

#include <stdint.h>
#include <wasm_simd128.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define EXPORT(name) __attribute__((export_name(#name)))

enum {
  MIB = 1 << 20,
  TEXT = 1 * MIB,
  OUT = 8 * MIB,
  OUT_BYTES = 64 * 1024,
  SLOTS_A = 12 * MIB,
  SLOTS_B = 44 * MIB,
  ARENA = 76 * MIB,
  STARTS = 184 * MIB,
  LENGTHS = 192 * MIB,
  COUNTS = 200 * MIB,
  /** Of words that are listed the slots are not needed: their order, and records in that order. */
  ORDER = SLOTS_A,
  PACKED = SLOTS_B,
  PACKED_BYTES = MIB,
  SLOTS_FIRST = 1 << 14,
  BATCH = 64,
  GROUPS_MAX = 64,
  HEAD = 12,
  WORD_BYTES_MAX = 4 * MIB,
  NUMBER_BYTES_MAX = 10,
  /** Of a record in a buffer: two numbers, and what is copied too much. */
  RECORD_MORE = 2 * NUMBER_BYTES_MAX + 16,
};

static u32 words_max, bytes_max;
static u64 *slots;
static u32 mask, used, arena_end;
static u64 counted;
static int full;

static u32 batch_size;
static u32 batch_start[BATCH], batch_length[BATCH], batch_hash[BATCH];

/** 16 bytes at 16 - n: as many bytes of a word of n bytes are its own. */
static const u8 OWN[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                           255, 255, 255, 255, 255, 255};

static inline v128_t bytes_at(u32 at) { return wasm_v128_load((void *)at); }
static inline v128_t own_of(u32 n) { return wasm_v128_load(OWN + 16 - n); }

/** Copies 16 bytes at a time, and so up to 15 more than asked. */
static inline void copy(u32 to, u32 from, u32 n) {
  for (u32 i = 0; i < n; i += 16) wasm_v128_store((void *)(to + i), bytes_at(from + i));
}

/** Of the table only: not the hash of words.ts. */
static inline u64 mixed(u64 hash, v128_t bytes) {
  hash ^= (u64)wasm_i64x2_extract_lane(bytes, 0) * 0x9e3779b97f4a7c15u;
  hash = (hash << 29 | hash >> 35) ^ (u64)wasm_i64x2_extract_lane(bytes, 1);
  return hash * 0xff51afd7ed558ccdu;
}

static inline u32 hash_of(u32 at, u32 length) {
  u64 hash = length;
  while (length > 16) {
    hash = mixed(hash, bytes_at(at));
    at += 16;
    length -= 16;
  }
  hash = mixed(hash, wasm_v128_and(bytes_at(at), own_of(length)));
  return (u32)(hash >> 32) ^ (u32)(hash >> 17);
}

static inline int is_same(u32 a, u32 b, u32 length) {
  while (length > 16) {
    if (wasm_v128_any_true(wasm_v128_xor(bytes_at(a), bytes_at(b)))) return 0;
    a += 16;
    b += 16;
    length -= 16;
  }
  v128_t differs = wasm_v128_xor(bytes_at(a), bytes_at(b));
  return !wasm_v128_any_true(wasm_v128_and(differs, own_of(length)));
}

static inline u64 *count_of(u32 entry) { return (u64 *)entry; }
static inline u32 length_of(u32 entry) { return *(u32 *)(entry + 8); }
static inline u32 size_of(u32 length) { return (HEAD + length + 8) & ~7u; }
static inline u32 entry_of(u64 slot) { return (u32)slot << 3; }

/** Puts an entry into the first empty slot from that of its hash. */
static inline void fill_slot(u64 slot) {
  u32 at = (u32)(slot >> 32) & mask;
  while (slots[at]) at = (at + 1) & mask;
  slots[at] = slot;
}

static void empty_slots(u64 *at, u32 size) {
  slots = at;
  mask = size - 1;
  __builtin_memset(at, 0, size * 8);
}

static void double_slots(void) {
  u64 *old = slots;
  u32 size = mask + 1;
  empty_slots((u64 *)(old == (u64 *)SLOTS_A ? SLOTS_B : SLOTS_A), 2 * size);
  for (u32 i = 0; i < size; i++)
    if (old[i]) fill_slot(old[i]);
}

/** Takes up the entry that stands at the end of the arena. */
static void append(u32 hash, u32 size) {
  fill_slot((u64)hash << 32 | arena_end >> 3);
  arena_end += size;
  if (2 * ++used > mask) double_slots();
}

/** Adds to the count of a word; 0 when it is new and there is no room for it. */
static inline int add(u32 start, u32 length, u32 hash, u64 times) {
  u32 at = hash & mask;
  for (u64 slot; (slot = slots[at]); at = (at + 1) & mask) {
    if ((u32)(slot >> 32) != hash) continue;
    u32 entry = entry_of(slot);
    if (length_of(entry) != length || !is_same(entry + HEAD, start, length)) continue;
    *count_of(entry) += times;
    return 1;
  }
  u32 size = size_of(length);
  full = used >= words_max || arena_end - ARENA + size > bytes_max;
  if (full) return 0;
  *count_of(arena_end) = times;
  *(u32 *)(arena_end + 8) = length;
  copy(arena_end + HEAD, start, length);
  for (u32 i = arena_end + HEAD + length; i < arena_end + size; i++) *(u8 *)i = ' ';
  append(hash, size);
  return 1;
}

EXPORT(clear) void clear(void) {
  used = 0;
  full = 0;
  arena_end = ARENA;
  empty_slots((u64 *)SLOTS_A, SLOTS_FIRST);
}

EXPORT(open) void open(u32 words, u32 bytes) {
  words_max = words;
  bytes_max = bytes;
  counted = 0;
  clear();
}

EXPORT(text) u32 text(void) { return TEXT; }
EXPORT(is_full) int is_full(void) { return full; }
EXPORT(distinct) u32 distinct(void) { return used; }
EXPORT(counted) double counted_words(void) { return (double)counted; }

static u32 touched;

/** Adds the words of the batch; gives the place of the one for which there was no room, else 0. */
static u32 add_batch(void) {
  u32 n = batch_size, sum = 0;
  batch_size = 0;
  for (u32 i = 0; i < n; i++) sum += (u32)slots[batch_hash[i] & mask];
  for (u32 i = 0; i < n; i++) sum += (u32)*count_of(entry_of(slots[batch_hash[i] & mask]));
  touched += sum;
  for (u32 i = 0; i < n; i++) {
    if (!add(batch_start[i], batch_length[i], batch_hash[i], 1)) {
      counted += i;
      return batch_start[i];
    }
  }
  counted += n;
  return 0;
}

static inline v128_t spaces_at(u32 at) {
  v128_t bytes = bytes_at(at);
  v128_t control = wasm_u8x16_lt(wasm_i8x16_sub(bytes, wasm_i8x16_splat(9)), wasm_i8x16_splat(5));
  return wasm_v128_or(control, wasm_i8x16_eq(bytes, wasm_i8x16_splat(32)));
}

/** Which of 64 bytes are white space, the first in the lowest bit. */
static inline u64 spaces_of(u32 at) {
  u64 spaces = wasm_i8x16_bitmask(spaces_at(at));
  spaces |= (u64)wasm_i8x16_bitmask(spaces_at(at + 16)) << 16;
  spaces |= (u64)wasm_i8x16_bitmask(spaces_at(at + 32)) << 32;
  return spaces | (u64)wasm_i8x16_bitmask(spaces_at(at + 48)) << 48;
}

/**
 * Counts the words that begin at `from` or later and before `limit`. The text ends at `end`; a word
 * that reaches `stop` is not counted, since it may go on beyond. Stops there, at `limit`, at the end,
 * or when full at a word that is new; gives the place where it stopped.
 */
EXPORT(count) u32 count(u32 from, u32 limit, u32 end, u32 stop) {
  u32 refused;
  u32 start = 0; // of the word that goes on from one block to the next; 0 between words
  for (u32 block = from; block < end; block += 64) {
    u64 spaces = spaces_of(block);
    if (end - block < 64) spaces |= ~(u64)0 << (end - block);
    // Where a word begins or ends: where a byte is not of the class of the byte before it.
    u64 edges = spaces ^ (spaces << 1 | (start == 0));
    while (edges) {
      u32 at = block + __builtin_ctzll(edges);
      edges &= edges - 1;
      if (start == 0) {
        start = at;
        continue;
      }
      if (start >= limit || at >= stop) goto stopped;
      batch_start[batch_size] = start;
      batch_length[batch_size] = at - start;
      batch_hash[batch_size++] = hash_of(start, at - start);
      start = 0;
    }
    // A block has the ends of 32 words at most.
    if (batch_size > BATCH - 33 && (refused = add_batch())) return refused;
  }
  if (start && start < limit && end < stop) {
    // It ends with the text, at the end of a block.
    batch_start[batch_size] = start;
    batch_length[batch_size] = end - start;
    batch_hash[batch_size++] = hash_of(start, end - start);
    start = 0;
  }
stopped:
  if ((refused = add_batch())) return refused;
  return start ? start : end;
}

/** FNV-1a and the finalizer of MurmurHash3: that of words.ts. */
static u32 group_hash_of(u32 at, u32 length) {
  u32 hash = 0x811c9dc5;
  for (u32 end = at + length; at < end; at++) hash = (hash ^ *(u8 *)at) * 0x01000193;
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

/** Whether the class of a word is in the range; the hash is mixed again, as group.ts says. */
static int is_of(u32 at, u32 length, u32 first, u32 last) {
  if (first == 0 && last == 0xffffffff) return 1;
  u32 class = group_hash_of(at, length) * 0x9e3779b1;
  return class >= first && class <= last;
}

/** Reads a number in LEB128 and moves `at`; 0 when it is broken or goes on beyond `end`. */
static inline u64 number_at(u32 *at, u32 end) {
  u64 number = 0;
  for (u32 shift = 0; *at < end && shift < 56; shift += 7) {
    u64 byte = *(u8 *)(*at)++;
    number |= (byte & 127) << shift;
    if (byte < 128) return number;
  }
  return 0;
}

/**
 * Adds up the records from `from` on whose class is `first` to `last`. Stops before one that is not
 * whole, or that is new when full. Gives the place where it stopped; 0 when it is not a record.
 */
EXPORT(add_records) u32 add_records(u32 from, u32 end, u32 first, u32 last) {
  while (from < end) {
    u32 at = from;
    u64 times = number_at(&at, end);
    u64 length = times ? number_at(&at, end) : 0;
    if (times == 0 || length == 0) return end - from < 2 * NUMBER_BYTES_MAX ? from : 0;
    if (length > WORD_BYTES_MAX) return 0;
    if (end - at < length) return from;
    if (is_of(at, (u32)length, first, last)) {
      if (!add(at, (u32)length, hash_of(at, (u32)length), times)) return from;
      counted += times;
    }
    from = at + (u32)length;
  }
  return from;
}

/** Drops the words whose class is not in the range. */
EXPORT(keep) void keep(u32 first, u32 last) {
  u32 end = arena_end;
  clear();
  for (u32 entry = ARENA, size; entry < end; entry += size) {
    u32 length = length_of(entry);
    size = size_of(length);
    if (!is_of(entry + HEAD, length, first, last)) {
      counted -= *count_of(entry);
      continue;
    }
    // It moves to where it is, or to a lower place.
    __builtin_memmove((void *)arena_end, (void *)entry, size);
    append(hash_of(arena_end + HEAD, length), size);
  }
}

static u32 groups, next_entry, out_used[GROUPS_MAX];
static u32 is_long, out_from, out_to;

static inline u32 buffer_of(u32 group) { return OUT + group * OUT_BYTES; }

/** What stands in the buffer of the group is to be written. */
static int flush(u32 group) {
  out_from = buffer_of(group);
  out_to = out_from + out_used[group];
  out_used[group] = 0;
  return (int)group;
}

static u32 put_number(u32 at, u64 number) {
  for (; number >= 128; number >>= 7) *(u8 *)at++ = (u8)number | 128;
  *(u8 *)at++ = (u8)number;
  return at;
}

EXPORT(out_from) u32 out_from_place(void) { return out_from; }
EXPORT(out_to) u32 out_to_place(void) { return out_to; }

/** Begins to write all words as records. */
EXPORT(begin_records) void begin_records(u32 wanted) {
  groups = wanted;
  next_entry = ARENA;
  is_long = 0;
  for (u32 group = 0; group < groups; group++) out_used[group] = 0;
}

/** The group to whose file the bytes from `out_from` to `out_to` are to be added now; -1 at the end. */
EXPORT(next_records) int next_records(void) {
  while (next_entry < arena_end) {
    u32 length = length_of(next_entry), start = next_entry + HEAD;
    u32 group = (u32)((u64)group_hash_of(start, length) * groups >> 32);
    u32 to = buffer_of(group) + out_used[group];
    u32 needed = RECORD_MORE + length;
    if (is_long) {
      // Its numbers were written; a word that no buffer holds is written from where it is.
      is_long = 0;
      out_from = start;
      out_to = start + length;
      next_entry += size_of(length);
      return (int)group;
    }
    is_long = needed > OUT_BYTES;
    if (out_used[group] + (is_long ? OUT_BYTES : needed) > OUT_BYTES && out_used[group]) {
      is_long = 0;
      return flush(group);
    }
    to = put_number(put_number(to, *count_of(next_entry)), length);
    if (!is_long) {
      copy(to, start, length);
      to += length;
      next_entry += size_of(length);
    }
    out_used[group] = to - buffer_of(group);
    if (is_long) return flush(group);
  }
  for (u32 group = 0; group < groups; group++)
    if (out_used[group]) return flush(group);
  return -1;
}

EXPORT(starts) u32 starts_place(void) { return STARTS; }
EXPORT(lengths) u32 lengths_place(void) { return LENGTHS; }
EXPORT(counts) u32 counts_place(void) { return COUNTS; }

/** Lists where each word begins, how long it is and its count. */
EXPORT(list) void list(void) {
  u32 *start = (u32 *)STARTS, *length = (u32 *)LENGTHS;
  double *count = (double *)COUNTS;
  for (u32 entry = ARENA; entry < arena_end; entry += size_of(length_of(entry))) {
    *start++ = entry + HEAD;
    *length++ = length_of(entry);
    *count++ = (double)*count_of(entry);
  }
}

EXPORT(order) u32 order_place(void) { return ORDER; }

/**
 * Writes words as records to where `out_from` and `out_to` say: those that the order has from `next` on,
 * one at least. Gives the number of the next in the order. The table must be cleared afterwards.
 */
EXPORT(pack) u32 pack(u32 next) {
  u32 at = out_from = PACKED;
  for (; next < used; next++) {
    u32 start = ((u32 *)STARTS)[((u32 *)ORDER)[next]], length = length_of(start - HEAD);
    if (at > PACKED && at - PACKED + length + RECORD_MORE > PACKED_BYTES) break;
    at = put_number(put_number(at, *count_of(start - HEAD)), length);
    copy(at, start, length);
    at += length;
  }
  out_to = at;
  return next;
}
