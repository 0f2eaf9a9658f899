/* A look at two folders; see faketime.h. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/faketime.h"

#define FAKETIME_NAME	"faketime/libfaketime.so.1"

char *
faketime_find(void)
{
	char		 path[PATH_MAX];
	void		*in_libc = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
	const char	*slash;
	Dl_info		 info;

	if (in_libc != NULL && dladdr(in_libc, &info) != 0 &&
	    (slash = strrchr(info.dli_fname, '/')) != NULL) {
		(void)snprintf(path, sizeof path, "%.*s/" FAKETIME_NAME,
		    (int)(slash - info.dli_fname), info.dli_fname);
		if (access(path, R_OK) == 0)
			return strdup(path);
	}
	if (access("/usr/local/lib/" FAKETIME_NAME, R_OK) == 0)
		return strdup("/usr/local/lib/" FAKETIME_NAME);
	return NULL;
}
