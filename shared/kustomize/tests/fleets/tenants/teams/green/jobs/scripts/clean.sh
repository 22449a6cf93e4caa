#!/bin/sh
set -eu
find /cache -mtime +7 -delete
