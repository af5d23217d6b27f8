//! /metrics, JSON API.
