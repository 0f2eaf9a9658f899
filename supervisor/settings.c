/* Settings in a file; see settings.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/settings.h"

#define SETTINGS_FILE	"settings"
#define SETTINGS_NEW	"settings.new"

static FILE *
open_for(const struct state *st, const char *name, int flags, const char *mode)
{
	int	 fd = st->fd == -1 ? -1 : openat(st->fd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE	*f = fd == -1 ? NULL : fdopen(fd, mode);

	if (f == NULL && fd != -1)
		(void)close(fd);
	return f;
}

/* "KEY VALUE\n" in its parts; false for an empty line and for a comment. */
static bool
split(char *line, struct sv *ret_key, struct sv *ret_value)
{
	char	*end;

	line += strspn(line, " \t");
	if (*line == '#' || *line == '\n' || *line == '\0')
		return false;
	*ret_key = (struct sv){ line, strcspn(line, " \t\n") };
	line += ret_key->n;
	line += strspn(line, " \t");
	end = line + strcspn(line, "\n");
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*ret_value = (struct sv){ line, (size_t)(end - line) };
	return true;
}

void
settings_load(const struct state *st, struct config *c)
{
	FILE		*f = open_for(st, SETTINGS_FILE, O_RDONLY, "r");
	char		 line[512], why[200];
	struct sv	 key, value;
	unsigned	 n = 0;

	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		n++;
		if (split(line, &key, &value) && config_set(c, key, value, why, sizeof why) != 0)
			log_warn("config", "%s/" SETTINGS_FILE ":%u: %s", st->path, n, why);
	}
	(void)fclose(f);
}

bool
settings_has(const struct state *st, struct sv key)
{
	FILE		*f = open_for(st, SETTINGS_FILE, O_RDONLY, "r");
	char		 line[512];
	struct sv	 k, v;
	bool		 found = false;

	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
		found = split(line, &k, &v) && sv_eq(k, key);
	if (f != NULL)
		(void)fclose(f);
	return found;
}

/* The old file with the one line changed, or added at the end. */
static void
copy_with(FILE *in, FILE *out, struct sv key, struct sv value)
{
	char		line[512], copy[512];
	struct sv	k, v;

	while (in != NULL && fgets(line, sizeof line, in) != NULL) {
		(void)memcpy(copy, line, sizeof copy);
		if (split(copy, &k, &v) && sv_eq(k, key))
			continue;
		(void)fputs(line, out);
		if (strchr(line, '\n') == NULL)
			(void)fputc('\n', out);
	}
	(void)fprintf(out, SV_FMT " " SV_FMT "\n", SV_ARG(key), SV_ARG(value));
}

int
settings_keep(const struct state *st, struct sv key, struct sv value, char why[STATE_WHY])
{
	FILE	*in, *out;
	int	 r = 0;

	if (st->fd == -1) {
		(void)snprintf(why, STATE_WHY, "this supervisor has no folder to keep settings in");
		return -ENOENT;
	}
	out = open_for(st, SETTINGS_NEW, O_WRONLY | O_CREAT | O_TRUNC, "w");
	if (out == NULL) {
		r = -errno;
	} else {
		in = open_for(st, SETTINGS_FILE, O_RDONLY, "r");
		copy_with(in, out, key, value);
		if (in != NULL)
			(void)fclose(in);
		if (ferror(out) || fflush(out) != 0 || fsync(fileno(out)) == -1)
			r = errno != 0 ? -errno : -EIO;
		if (fclose(out) != 0 && r == 0)
			r = -errno;
		if (r == 0 && renameat(st->fd, SETTINGS_NEW, st->fd, SETTINGS_FILE) == -1)
			r = -errno;
	}
	if (r != 0)
		(void)unlinkat(st->fd, SETTINGS_NEW, 0);
	if (r != 0)
		(void)snprintf(why, STATE_WHY, "%.300s/" SETTINGS_FILE " cannot be written: %s",
		    st->path, strerror(-r));
	return r;
}
