/* SPDX-License-Identifier: MIT */
#include "jumpboot.h"

#include <string.h>

const char *jumpboot_strerror(int error)
{
        switch (error) {
        case JUMPBOOT_EANSWER:
                return "the daemon answered with an error";
        case JUMPBOOT_ECLOSED:
                return "the daemon closed the connection before it answered";
        case JUMPBOOT_EUNSENT:
                return "the daemon closed the connection before it took the request";
        case JUMPBOOT_EPROTOCOL:
                return "what came from the daemon is no answer";
        case JUMPBOOT_EPARAMS:
                return "the params are no JSON object or array";
        case JUMPBOOT_EMETHOD:
                return "the method is empty or no UTF-8";
        case JUMPBOOT_ETOOLARGE:
                return "the answer is larger than was allowed";
        default:
                return strerror(error < 0 && error > -4096 ? -error : error);
        }
}
