// SPDX-License-Identifier: MIT
/* Writing JSON; see json.h. */
#include "os/json.h"

#include <errno.h>
#include <string.h>

#include "os/sys.h"

static void flush(struct pn_json *json)
{
	if (!json->error && !pn_sys_write(json->fd, json->text, json->len))
		json->error = errno ? errno : EIO;
	json->len = 0;
}

void pn_json_start(struct pn_json *json, int fd)
{
	json->fd = fd;
	json->error = 0;
	json->needs_comma = false;
	json->len = 0;
}

int pn_json_end(struct pn_json *json)
{
	flush(json);
	return json->error;
}

void pn_json_bytes(struct pn_json *json, const char *text, size_t len)
{
	while (len) {
		size_t some = sizeof(json->text) - json->len;

		if (some > len)
			some = len;
		memcpy(json->text + json->len, text, some);
		json->len += some;
		text += some;
		len -= some;
		if (json->len == sizeof(json->text))
			flush(json);
	}
}

void pn_json_text(struct pn_json *json, const char *text)
{
	pn_json_bytes(json, text, strlen(text));
}

static void digits(struct pn_json *json, uint64_t value, unsigned int base)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	pn_json_bytes(json, text + at, sizeof(text) - at);
}

void pn_json_decimal(struct pn_json *json, uint64_t value)
{
	digits(json, value, 10);
}

void pn_json_hex(struct pn_json *json, uint64_t value)
{
	pn_json_text(json, "0x");
	digits(json, value, 16);
}

/* Members. */

static void begin(struct pn_json *json, const char *name)
{
	if (json->needs_comma)
		pn_json_text(json, ",");
	json->needs_comma = true;
	if (name) {
		pn_json_text(json, "\"");
		pn_json_text(json, name);
		pn_json_text(json, "\":");
	}
}

void pn_json_open(struct pn_json *json, const char *name, char bracket)
{
	begin(json, name);
	pn_json_bytes(json, &bracket, 1);
	json->needs_comma = false;
}

void pn_json_close(struct pn_json *json, char bracket)
{
	pn_json_bytes(json, &bracket, 1);
	json->needs_comma = true;
}

void pn_json_number(struct pn_json *json, const char *name, uint64_t value)
{
	begin(json, name);
	pn_json_decimal(json, value);
}

void pn_json_bool(struct pn_json *json, const char *name, bool value)
{
	begin(json, name);
	pn_json_text(json, value ? "true" : "false");
}

void pn_json_null(struct pn_json *json, const char *name)
{
	begin(json, name);
	pn_json_text(json, "null");
}

void pn_json_string(struct pn_json *json, const char *name, const char *value)
{
	begin(json, name);
	pn_json_text(json, "\"");
	for (; *value; value++) {
		char c = *value >= ' ' && *value < 127 ? *value : '?';

		if (c == '"' || c == '\\')
			pn_json_text(json, "\\");
		pn_json_bytes(json, &c, 1);
	}
	pn_json_text(json, "\"");
}
