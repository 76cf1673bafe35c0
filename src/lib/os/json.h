/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON and other text piece by piece to a descriptor, through a small buffer on the caller's
 * stack. Takes no lock and does not allocate.
 */
#ifndef PN_JSON_H
#define PN_JSON_H

#include "os/base.h"

/**
 * struct pn_json - a text that is being written
 * @fd: the descriptor to write to
 * @error: the errno of the first write that failed, after which nothing more is written; or 0
 * @needs_comma: the next member must be preceded by a comma
 * @len: bytes in @text
 * @text: text that has not been written yet
 */
struct pn_json {
	int fd;
	int error;
	bool needs_comma;
	size_t len;
	char text[1024];
};

void pn_json_start(struct pn_json *json, int fd);
/* Writes the rest. Return: 0, or the errno of the first write that failed. */
int pn_json_end(struct pn_json *json);

/* Write text without commas and quotes, for text formats that are not JSON. */
void pn_json_text(struct pn_json *json, const char *text);
void pn_json_bytes(struct pn_json *json, const char *text, size_t len);
void pn_json_decimal(struct pn_json *json, uint64_t value);
void pn_json_hex(struct pn_json *json, uint64_t value);

/* Write members; @name is NULL in an array. @bracket is one of {}[]. */
void pn_json_open(struct pn_json *json, const char *name, char bracket);
void pn_json_close(struct pn_json *json, char bracket);
void pn_json_number(struct pn_json *json, const char *name, uint64_t value);
void pn_json_bool(struct pn_json *json, const char *name, bool value);
void pn_json_null(struct pn_json *json, const char *name);
/* Bytes that are not printable ASCII become question marks. */
void pn_json_string(struct pn_json *json, const char *name, const char *value);

#endif /* PN_JSON_H */
